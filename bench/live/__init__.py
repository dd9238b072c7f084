"""How much one book's changes can be followed, beside others: `make bench-live`. A benchmark, never a test."""
