"""Reads planned as a whole: one operation, one SQL statement, whose result is the JSON text of the answer."""
