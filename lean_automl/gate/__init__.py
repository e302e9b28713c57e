"""The gate: whether a finished model keeps its limits and is no worse than its baseline, for tests of every change.

What decides is the same on every run: instructions and branches of the compiled C code under valgrind, bytes, scores.
Wall-clock time decides only as an upper bound against a limit, or as a ratio to another model of the same run.
"""
