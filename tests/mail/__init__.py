"""Mail: what is said, how it travels, and who is told."""
