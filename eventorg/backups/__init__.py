"""Copies of the file: made, put back, and made on a schedule."""
