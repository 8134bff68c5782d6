"""What tune.py is made of: a request, its checked job, the search, the finals, the answer."""
