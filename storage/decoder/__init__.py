"""The process that looks into one picture. It starts often, so it imports nothing of ours but itself."""
