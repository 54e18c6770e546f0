"""What goes on while nobody asks: followers woken, old rows removed, other processes' commits noticed."""
