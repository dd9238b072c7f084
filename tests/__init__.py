"""What it promises, asked as a client would."""
