"""Runs the `eventorg` command as `python -m eventorg`."""

from eventorg.cli import main

if __name__ == "__main__":
    main()
