"""What is seen from outside: log lines, counts and traces."""
