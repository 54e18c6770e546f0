"""What is going on, on standard error: on a terminal one line that changes."""

import sys


def say(text: str, *, stays: bool = False) -> None:
    """Shows a line, which the next one replaces unless it stays; elsewhere than on a terminal only those that stay."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="\n" if stays else "", file=sys.stderr, flush=True)
    elif stays:
        print(text, file=sys.stderr, flush=True)
