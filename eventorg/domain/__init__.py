"""What an event, a user and a registration are, and the rules about them: no HTTP, no SQL."""
