"""Accounts: what a sign-in costs, whom it holds up, what it tells, and how fast a session is over."""
