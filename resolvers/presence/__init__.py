"""Who is in a book at this moment, where they point and what they drag. Nothing of it is ever stored."""
