"""How it is answered: check, do, tell."""
