"""Photos a second: what is made of each, beside the bare work on its pixels."""
