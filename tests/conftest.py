"""Hypothesis without its clock: these laws are about numbers, and the machine may be busy."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
