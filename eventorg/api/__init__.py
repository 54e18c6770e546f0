"""The HTTP edge: controllers, one per noun, and what all of them share. No SQL here."""
