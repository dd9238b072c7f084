"""Accounts: ways in, and what keeps others out."""
