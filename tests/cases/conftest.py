"""Cases are scripts that a person runs; tests/test_cases.py runs the quick ones, and pytest collects none itself."""

collect_ignore_glob = ["*.py"]
