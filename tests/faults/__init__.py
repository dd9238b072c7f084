"""Faults that the program must survive: each is a row, with a seed, a limit and figures. `python -m tests.faults`."""
