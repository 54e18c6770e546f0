"""The README's pictures of the Telegram bot are what the bot shows."""

from importlib import import_module

import pytest

from eventorg.extensions.loader import load_plugins
from eventorg.settings import Settings
from tests.pictures import FOLDER, draw
from tests.programs import CHECKOUT

if not (CHECKOUT / "plugins" / "telegram_bot").is_dir():
    pytest.skip("the plugin was removed", allow_module_level=True)


def test_the_pictures_are_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """If not, look at what has changed, and run `python -m tests.pictures`."""
    load_plugins(Settings(plugins="telegram_bot"))
    pace = import_module("eventorg_plugins.telegram_bot.pace")
    for name in ("BURST_SECONDS", "EDIT_GAP", "LONGER_GAP"):  # its Telegram has no limits
        monkeypatch.setattr(pace, name, getattr(pace, name) / 50)
    committed = {file.stem: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.svg")}
    assert draw() == committed


def test_each_picture_is_shown() -> None:
    readmes = [CHECKOUT / "README.md", CHECKOUT / "plugins" / "telegram_bot" / "README.md"]
    text = "".join(file.read_text(encoding="utf-8") for file in readmes)
    assert [file.name for file in FOLDER.glob("*.svg") if f".github/pictures/{file.name}" not in text] == []
