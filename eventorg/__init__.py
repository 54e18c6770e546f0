"""eventorg: a self-hosted REST API for Telegram bots that organize events."""

__version__ = "0.1.0"
