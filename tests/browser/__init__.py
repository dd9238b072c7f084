"""What tests/test_explorer.py needs to drive a browser."""
