"""The process: its sockets, its deadlines, its service manager."""
