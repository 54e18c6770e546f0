"""Passwords, tokens, the secret that signs them, and the brake on guessing."""
