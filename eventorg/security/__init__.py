"""Passwords, tokens, fingerprints, the server's secret, and limits on guessing."""
