"""How it runs: it alone reads the environment, and hands values down."""
