"""Other tuners at the same job, each a script of its own for an environment of its own: benchmarks/rivals.sh makes it.

They import nothing of caviar, so that nothing of caviar can favour or hinder them, and caviar needs none of them.
"""
