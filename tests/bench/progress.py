"""Shows the progress on standard error. At a terminal, it is one line that changes."""

import sys


def say(text: str, *, stays: bool = False) -> None:
    """Shows a line. The next one replaces it unless it stays. Without a terminal, only lines that stay are shown."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="\n" if stays else "", file=sys.stderr, flush=True)
    elif stays:
        print(text, file=sys.stderr, flush=True)
