"""The server process: sockets, deadlines, and the service manager."""
