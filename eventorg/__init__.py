"""eventorg: a self-hosted REST API that Telegram bots drive to organize events."""

__version__ = "0.1.0"
