"""Which framework? One small network on each of those that this machine has, beside our own engine.

facts.toml     licence, governance, last release and ways to deploy of each, with sources and dates
shortest/      the shortest honest program of each for the same network; their lines are counted, and they are timed
stopwatch.py   runs in a framework's own interpreter: times one of these programs, on one core
timing.py      starts the stopwatches, ours and one other by turns, and takes the medians
"""
