"""The one place where objects are made: settings in, the parts of a process out.

Each process imports its own module: the web process has no need of what the worker is made of.
"""
