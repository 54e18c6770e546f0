"""The settings of the server: one struct, read from `EVENTORG_*` and an optional TOML file."""

import os
import re
import tomllib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from msgspec import Meta, Struct, structs

from eventorg.domain.mail import parse_sender, parse_server
from eventorg.errors import SettingError
from eventorg.setting_values import VISIBLE, check_text, convert, is_network, is_public_url, unknown

PREFIX = "EVENTORG_"
CONFIG = "EVENTORG_CONFIG"
T = TypeVar("T")

RENAMED: Final = {
    "reminders_smtp_url": "smtp_url",
    "reminders_smtp_from": "smtp_from",
    "reminders_kept_days": "deliveries_days",
}
"""Settings of 0.1.0 and those that replace them. Deprecated: removed in 0.3."""
MIN_SECRET = 32
_MAX_FILE_BYTES = 1024 * 1024
_ORIGIN = re.compile(r"\*|https?://[A-Za-z0-9.\[\]:-]+")
_BOT_KEY = re.compile(r"\d+:[0-9a-f]{64}")


class Settings(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The settings. Each is read from `EVENTORG_<NAME>`. The descriptions make up the README's table."""

    database: Annotated[str, Meta(min_length=1, description="SQLite file. The first start creates it.")] = "eventorg.db"
    host: Annotated[
        str,
        Meta(min_length=1, description="Comma-separated addresses to listen on. `::`: all addresses, IPv4 included."),
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on. `0`: any free port.")] = 8000
    secret: Annotated[
        str,
        Meta(
            description="Secret that signs tokens. Add older secrets after commas to keep their tokens valid. "
            "Default: the file `….secret` beside the database, which is created with it."
        ),
    ] = ""
    token_hours: Annotated[int, Meta(ge=1, le=8784, description="Lifetime of a login token, in hours.")] = 24
    signup: Annotated[
        Literal["open", "closed"], Meta(description="`closed`: only bots and the operator create users.")
    ] = "open"
    login_attempts: Annotated[
        int,
        Meta(
            ge=1, le=100_000, description="Maximum number of failed logins per minute, per account and per IP address."
        ),
    ] = 10
    requests_per_minute: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000,
            description="Maximum number of requests per minute, per caller, or per IP address without a token. "
            "`0`: no limit.",
        ),
    ] = 0
    signups_per_minute: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000,
            description="Maximum number of sign-ups per minute, per IP address, and of requests for mail with a code. "
            "Bots are limited for password resets only. `0`: no limit.",
        ),
    ] = 600
    events_per_user: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Maximum number of events that a user can have at the same time. Events that are over or "
            "cancelled do not count, up to ten times this number.",
        ),
    ] = 2000
    synchronous: Annotated[
        Literal["full", "normal"],
        Meta(description="`normal`: faster on slow disks, but a power failure can lose the last commits."),
    ] = "full"
    trusted_proxies: Annotated[
        str,
        Meta(description="Comma-separated addresses or networks whose `X-Forwarded-For` is trusted. `*`: all."),
    ] = ""
    public_url: Annotated[
        str,
        Meta(
            description="Address under which clients reach the server, for example `https://events.example.com`. "
            "Addresses in responses begin with it. Default: the address of the request."
        ),
    ] = ""
    cors_origins: Annotated[
        str,
        Meta(
            description="Comma-separated origins whose web pages can call the API, for example `https://example.com`. "
            "`*`: all."
        ),
    ] = ""
    telegram_bot_token: Annotated[
        str, Meta(description="Token from BotFather. Runs the bundled Telegram bot, and verifies Mini App logins.")
    ] = ""
    telegram_bot_id: Annotated[
        int,
        Meta(ge=0, description="Verifies Mini App logins by Telegram's signature, without the bot token. `0`: off."),
    ] = 0
    telegram_max_age: Annotated[int, Meta(ge=1, description="Maximum age of a Mini App login, in seconds.")] = 3600
    telegram_max_ahead: Annotated[
        int, Meta(ge=0, description="Maximum time that a Mini App login can be in the future, in seconds.")
    ] = 30
    changes_days: Annotated[
        int, Meta(ge=1, le=36_500, description="How long changes stay in the change feed, in days.")
    ] = 30
    backups: Annotated[str, Meta(description="Folder for scheduled backups. Default: no scheduled backups.")] = ""
    backup_hours: Annotated[int, Meta(ge=1, le=8784, description="Interval between scheduled backups, in hours.")] = 24
    backups_kept: Annotated[
        int, Meta(ge=1, le=100_000, description="Number of scheduled backups to keep. Older ones are deleted.")
    ] = 7
    smtp_url: Annotated[
        str,
        Meta(
            description="Mail server for codes and for users without Telegram: `smtp://user:password@host:port` or "
            "`smtps://…`. Default: no mail."
        ),
    ] = ""
    smtp_from: Annotated[
        str,
        Meta(description="Sender of mail, for example `Meetings <meetings@example.org>`. Required for mail."),
    ] = ""
    deliveries_days: Annotated[
        int, Meta(ge=1, le=3650, description="How long messages to users are stored after their time, in days.")
    ] = 30
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="Minimum level to log: `debug`, `info`, `warning`, or `error`."),
    ] = "info"
    log_format: Annotated[
        Literal["console", "json"], Meta(description="`console` for people, `json` for programs.")
    ] = "console"
    metrics: Annotated[Literal["off", "on"], Meta(description="`on`: serve Prometheus metrics at `GET /metrics`.")] = (
        "off"
    )
    metrics_token: Annotated[
        str,
        Meta(description="Bearer token that `GET /metrics` requires. Default: no token required."),
    ] = ""
    plugins: Annotated[
        str,
        Meta(description="Comma-separated plugins to load. `none`: no plugins. Default: all plugins that are found."),
    ] = ""
    plugins_dir: Annotated[str, Meta(description="Additional folder of plugins.")] = ""
    others: dict[str, Any] = {}
    """The values for plugins, by lower-case name without the prefix."""

    def __post_init__(self) -> None:
        if not all(self.hosts):
            raise SettingError("EVENTORG_HOST", "Expected comma-separated addresses such as 127.0.0.1,::1")
        if any(len(secret.encode()) < MIN_SECRET for secret in self.secrets):
            raise SettingError("EVENTORG_SECRET", f"Expected at least {MIN_SECRET} bytes in each secret")
        if not all(_ORIGIN.fullmatch(origin) for origin in self.allowed_origins):
            raise SettingError("EVENTORG_CORS_ORIGINS", "Expected origins without a path, such as https://example.com")
        if self.trusted_proxies not in ("", "*") and not all(map(is_network, self.trusted_proxies.split(","))):
            raise SettingError(
                "EVENTORG_TRUSTED_PROXIES", "Expected addresses or networks such as 10.0.0.0/8, or * for all"
            )
        if self.public_url:
            if not is_public_url(self.public_url):
                raise SettingError(
                    "EVENTORG_PUBLIC_URL", "Expected an address without a query, such as https://events.example.com"
                )
            structs.force_setattr(self, "public_url", self.public_url.rstrip("/"))
        if not VISIBLE.fullmatch(self.metrics_token):
            raise SettingError("EVENTORG_METRICS_TOKEN", "Expected visible ASCII characters without spaces")
        if self.telegram_bot_token and not _BOT_KEY.fullmatch(self.telegram_bot_token):
            bot_id, colon, _ = self.telegram_bot_token.partition(":")
            if not bot_id.isdecimal() or not colon:
                raise SettingError(
                    "EVENTORG_TELEGRAM_BOT_TOKEN", "Expected a token from BotFather, such as 123456:ABC…"
                )
            from init_data_py import hash_token  # here: its import is slow, and few commands need it

            structs.force_setattr(self, "telegram_bot_token", f"{bot_id}:{hash_token(self.telegram_bot_token)}")
        if self.smtp_url:
            _check_mail(self.smtp_url, self.smtp_from)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Returns the addresses to listen on, without duplicates."""
        return tuple(dict.fromkeys(host.strip() for host in self.host.split(",")))

    @property
    def secrets(self) -> tuple[str, ...]:
        """The configured secrets. The first one signs. If empty, the secret beside the database is used."""
        return split_secrets(self.secret) if self.secret else ()

    @property
    def allowed_origins(self) -> list[str]:
        """The origins of web pages that can call the API."""
        return [origin.strip() for origin in self.cors_origins.split(",")] if self.cors_origins else []

    @property
    def database_path(self) -> Path:
        """The absolute path of the SQLite file, without symbolic links: SQLite keeps its log beside the file that a
        link leads to. Raises `SettingError` for a link that leads to itself."""
        path = Path(os.path.realpath(self.database))
        if path.is_symlink():
            raise SettingError("EVENTORG_DATABASE", f"{path} is a symbolic link that leads to itself")
        return path


def split_secrets(text: str) -> tuple[str, ...]:
    """Returns the comma-separated secrets, without the spaces around them."""
    return tuple(secret.strip() for secret in text.split(","))


def _check_mail(url: str, sender: str) -> None:
    """Raises `SettingError` if mail cannot be sent. The error does not show the URL, which may have a password."""
    if find_spec("aiosmtplib") is None:
        raise SettingError("EVENTORG_SMTP_URL", "Mail needs the extra mail: pip install 'eventorg[mail]'")
    try:
        parse_server(url)
    except ValueError:
        raise SettingError("EVENTORG_SMTP_URL", "Expected smtp://user:password@host:port or smtps://…") from None
    try:
        parse_sender(sender)
    except ValueError:
        raise SettingError(
            "EVENTORG_SMTP_FROM", "Expected an email address, which must be set where EVENTORG_SMTP_URL is"
        ) from None


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Returns the settings from an environment (default: this process's) and its TOML file. Raises `SettingError`.

    An empty value means that the setting is not set. Values that can belong to a plugin go to `others`.
    """
    environment = os.environ if environment is None else environment
    given = _read_file(environment[CONFIG]) if environment.get(CONFIG) else {}
    for name, value in environment.items():
        if name.startswith(PREFIX) and name != CONFIG and (value or name not in given):
            given[name] = value
    values: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for name, value in given.items():
        check_text(name, value)
        key = name.removeprefix(PREFIX).lower()
        if key in RENAMED:
            if value != "":
                values.setdefault(RENAMED[key], value)
        elif key in Settings.__struct_fields__ and key != "others":
            if value != "":
                values[key] = value
                if key == "telegram_bot_token":
                    others[key] = _Hidden(value)  # the bundled plugin `telegram_bot` needs the token itself
        elif "_" in key:
            others[key] = value
        else:
            raise unknown(key, Settings, PREFIX)
    settings = convert(values, Settings, PREFIX)
    structs.force_setattr(settings, "others", others)
    return settings


class _Hidden(str):
    """A text that is not in the representation of the settings."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "…"


def own_values(settings: Settings, plugin: str) -> dict[str, Any]:
    """Returns the values for a plugin that are set, by field name."""
    prefix = f"{plugin}_"
    return {
        key.removeprefix(prefix): str(value) if isinstance(value, _Hidden) else value
        for key, value in settings.others.items()
        if key.startswith(prefix) and value != ""
    }


def _read_file(path: str) -> dict[str, Any]:
    """Returns the settings of a TOML file, by the names of their environment variables."""
    try:
        with open(path, "rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        if len(content) > _MAX_FILE_BYTES:
            raise SettingError(CONFIG, f"{path} is larger than 1 MiB")
        values = tomllib.loads(content.decode())
    except OSError as error:
        raise SettingError(CONFIG, f"Cannot read {path}: {error.strerror}") from None
    except RecursionError:
        raise SettingError(CONFIG, f"{path} is nested too deeply") from None
    except ValueError as error:  # not TOML, not UTF-8, or a number with thousands of digits
        raise SettingError(CONFIG, f"{path} is not valid TOML: {error}") from None
    return {PREFIX + key.removeprefix(PREFIX).upper(): value for key, value in values.items()}
