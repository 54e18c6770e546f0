"""The peers: small, idiomatic servers with production settings, on the same file and with the same tokens.

Each reads eventorg's variables: EVENTORG_DATABASE, EVENTORG_SECRET, EVENTORG_PORT.

They do less: there is no change log, no guests, no blocks, and no way out of a seat.
"""
