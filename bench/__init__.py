"""How fast it is, measured beside others: `make bench`. A benchmark, never a test."""
