"""Imported by the fork server. The programs that it forks have then imported, read and built what most of them need."""

import gc
import threading
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from eventorg.settings import Settings
from eventorg.testing import running
from tests.quick_apps import stop_log_listener
from tests.quick_start import share_parts

share_parts(pytest.MonkeyPatch())
for plugins in ("none", ""):
    with (
        TemporaryDirectory() as folder,
        running(Settings(plugins=plugins, database=str(Path(folder) / "eventorg.db"), log_level="error")),
    ):
        pass
import_module("eventorg_plugins.telegram_bot.bot")  # with the libraries that it imports if it has a token
stop_log_listener()
assert threading.active_count() == 1, "a fork has no other threads"
gc.collect()
gc.freeze()
