"""`python -m eventorg` is the `eventorg` command."""

from eventorg.cli import main

if __name__ == "__main__":
    main()
