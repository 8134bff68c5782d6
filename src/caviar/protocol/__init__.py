"""Where trials of other people's code are trained: processes that speak the protocol of docs/protocol.md.

protocol   the messages, checked
program    one process: started, read, ended
command    how a process is started: a command line, or a Python function
pool       several, kept warm, each with one trial at a time
host       what runs in a process that trains by a Python function
"""
