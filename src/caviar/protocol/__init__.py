"""Processes that train trials of other people's code, by the protocol of docs/protocol.md.

messages   the messages, checked
process    one process: started, read, ended
score      the number that a regular expression finds in a line
output     the scores in the output of a process without the protocol
reading    messages from either kind of process, one by one
failures   the sentence that says why a program failed
command    the ways to start a process: a command line, or a Python function
pool       several processes, kept warm, each with one trial at a time
host       the program of a process that trains by a Python function
"""
