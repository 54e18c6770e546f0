"""What one would write instead: small, idiomatic, with production settings, on the same file and the same tokens.

Each reads its settings from the variables eventorg reads: EVENTORG_DATABASE, EVENTORG_SECRET, EVENTORG_PORT.
"""
