"""Processes that train trials of other people's code, by the protocol of docs/protocol.md.

messages   the messages, checked
process    one process: started, read, ended
command    the ways to start a process: a command line, or a Python function
pool       several processes, kept warm, each with one trial at a time
host       the program of a process that trains by a Python function
"""
