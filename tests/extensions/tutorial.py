"""The blocks of `plugins/README.md`."""

import re
from pathlib import Path

from msgspec import Struct

from tests.programs import CHECKOUT

TEXT = (CHECKOUT / "plugins" / "README.md").read_text(encoding="utf-8")

EXAMPLES = {
    "away",
    "entry.py",
    "feedback",
    "friday",
    "merge",
    "news",
    "postpone.py",
    "promoted.py",
    "screen.py",
    "vouchers",
    "weekly.py",
}
"""The files and folders of the section Examples, which `test_examples` runs."""


class Block(Struct, frozen=True):
    """A fenced block and the bold line above it: the name of a file, or the use of the block."""

    caption: str
    text: str


_BLOCK = re.compile(r"^\*\*([^*\n]+)\*\*\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [Block(*match.groups()) for match in _BLOCK.finditer(TEXT)]


def texts(caption: str) -> list[str]:
    """Returns the blocks with a caption."""
    return [block.text for block in BLOCKS if block.caption == caption]


def only(caption: str) -> str:
    """Returns the one block with a caption."""
    (text,) = texts(caption)
    return text


def write_files(folder: Path, name: str) -> None:
    """Writes a file of the page, or all files of a plugin that is a folder. Blocks of one file are its parts."""
    for block in BLOCKS:
        if block.caption == name or block.caption.startswith(f"{name}/"):
            path = folder / block.caption
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(block.text)
