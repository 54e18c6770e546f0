"""All settings of the server: one struct, from `EVENTORG_*` and an optional TOML file."""

import os
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct, structs

from eventorg.errors import SettingError, UnknownSetting

PREFIX = "EVENTORG_"
CONFIG = "EVENTORG_CONFIG"
T = TypeVar("T")

MIN_SECRET = 32
_ORIGIN = re.compile(r"\*|https?://[A-Za-z0-9.\[\]:-]+")
_WORDS = {"`int`": "a whole number", "`bool`": "true or false", "`str`": "a text"}
_TYPE = re.compile("|".join(_WORDS))
_FOUND = re.compile(r", got `\w+`$")
_VISIBLE = re.compile(r"[!-~]*")
_BOT_KEY = re.compile(r"\d+:[0-9a-f]{64}")


class Settings(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The settings in force; each is read from `EVENTORG_<NAME>`. Doc strings are the README's table."""

    database: Annotated[str, Meta(min_length=1, description="the SQLite file, made at first start")] = "eventorg.db"
    host: Annotated[str, Meta(min_length=1, description="the address it listens on")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="the port; 0 takes a free one")] = 8000
    secret: Annotated[
        str,
        Meta(description="signs tokens; older ones may follow after a comma; made beside the database if not set"),
    ] = ""
    token_hours: Annotated[int, Meta(ge=1, le=8784, description="life of a login, in hours")] = 24
    signup: Annotated[
        Literal["open", "closed"], Meta(description="`closed`: only a bot or the operator makes users")
    ] = "open"
    login_attempts: Annotated[
        int, Meta(ge=1, le=100_000, description="failed logins a minute, per account and per address")
    ] = 10
    requests_per_minute: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000,
            description="requests a minute of a caller, and of an address without a token; 0: as many as it likes",
        ),
    ] = 0
    synchronous: Annotated[
        Literal["full", "normal"],
        Meta(description="`normal`: faster on slow disks, a power cut may lose the last commits"),
    ] = "full"
    trusted_proxies: Annotated[
        str,
        Meta(description="addresses or networks whose `X-Forwarded-For` is believed, comma-separated; `*` is any"),
    ] = ""
    cors_origins: Annotated[
        str,
        Meta(description="origins whose pages may call the API, comma-separated (`https://example.com`); `*` is any"),
    ] = ""
    telegram_bot_token: Annotated[
        str, Meta(description="checks Mini App logins; only its derived key is kept in memory")
    ] = ""
    telegram_bot_id: Annotated[
        int,
        Meta(ge=0, description="checks Mini App logins by Telegram's signature, without the token"),
    ] = 0
    telegram_max_age: Annotated[int, Meta(ge=1, description="how old a Mini App login may be, in seconds")] = 3600
    telegram_max_ahead: Annotated[int, Meta(ge=0, description="how far its clock may be ahead, in seconds")] = 30
    changes_days: Annotated[
        int, Meta(ge=1, le=36_500, description="how long the change feed reaches back, in days")
    ] = 30
    backups: Annotated[str, Meta(description="a folder for backups that are made by the clock; none if not set")] = ""
    backup_hours: Annotated[int, Meta(ge=1, le=8784, description="how far they are apart, in hours")] = 24
    backups_kept: Annotated[int, Meta(ge=1, le=100_000, description="how many are kept; the oldest go")] = 7
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="the least that is logged: `debug`, `info`, `warning` or `error`"),
    ] = "info"
    log_format: Annotated[Literal["console", "json"], Meta(description="for people; `json`: for programs")] = "console"
    metrics: Annotated[Literal["off", "on"], Meta(description="`on`: `GET /metrics` answers Prometheus")] = "off"
    metrics_token: Annotated[
        str,
        Meta(description="what must be sent to `/metrics` as a bearer token; nothing if not set"),
    ] = ""
    plugins: Annotated[
        str, Meta(description="which plugins to load, comma-separated; `none` loads none; all found if not set")
    ] = ""
    plugins_dir: Annotated[str, Meta(description="one more folder of plugins")] = ""
    others: dict[str, Any] = {}
    """What is set for plugins, under names in lower case without the prefix."""

    def __post_init__(self) -> None:
        if any(len(secret.encode()) < MIN_SECRET for secret in self.secrets):
            raise SettingError("EVENTORG_SECRET", f"Expected at least {MIN_SECRET} bytes in each secret")
        if not all(_ORIGIN.fullmatch(origin) for origin in self.allowed_origins):
            raise SettingError("EVENTORG_CORS_ORIGINS", "Expected origins without a path, such as https://example.com")
        if self.trusted_proxies not in ("", "*") and not all(map(_is_network, self.trusted_proxies.split(","))):
            raise SettingError(
                "EVENTORG_TRUSTED_PROXIES", "Expected addresses or networks such as 10.0.0.0/8, or * for all"
            )
        if not _VISIBLE.fullmatch(self.metrics_token):
            raise SettingError("EVENTORG_METRICS_TOKEN", "Expected visible ASCII characters without spaces")
        if self.telegram_bot_token and not _BOT_KEY.fullmatch(self.telegram_bot_token):
            bot_id, colon, _ = self.telegram_bot_token.partition(":")
            if not bot_id.isdecimal() or not colon:
                raise SettingError(
                    "EVENTORG_TELEGRAM_BOT_TOKEN", "Expected a token from BotFather, such as 123456:ABC…"
                )
            from init_data_py import hash_token  # here: its import is slow, and few commands need it

            structs.force_setattr(self, "telegram_bot_token", f"{bot_id}:{hash_token(self.telegram_bot_token)}")

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets set, the one that signs first; none means the one beside the database."""
        return tuple(secret.strip() for secret in self.secret.split(",")) if self.secret else ()

    @property
    def allowed_origins(self) -> list[str]:
        """The origins of pages that may call the API."""
        return [origin.strip() for origin in self.cors_origins.split(",")] if self.cors_origins else []

    @property
    def database_path(self) -> Path:
        """Where the SQLite file lies, absolute."""
        return Path(self.database).absolute()


def _is_network(text: str) -> bool:
    """Whether it is an address, or a network without an address in it. uvicorn would take any text and match none."""
    try:
        ip_network(text.strip())
    except ValueError:
        return False
    return True


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of an environment (default: this process's). Raises `SettingError` in one sentence.

    What is none of the core's is kept in `others`, for the plugins to claim.
    """
    environment = os.environ if environment is None else environment
    given = _read_file(environment[CONFIG]) if environment.get(CONFIG) else {}
    given |= {name: value for name, value in environment.items() if name.startswith(PREFIX) and name != CONFIG}
    values: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for name, value in given.items():
        key = name.removeprefix(PREFIX).lower()
        if key in Settings.__struct_fields__ and key != "others":
            values[key] = value
        elif "_" in key:
            others[key] = value
        else:
            raise unknown(key)
    settings = convert(values, Settings, PREFIX)
    structs.force_setattr(settings, "others", others)
    return settings


def unknown(name: str, kind: Any = Settings, prefix: str = PREFIX) -> UnknownSetting:
    """Returns the error for a name that no setting has, with a setting of a similar name."""
    similar = get_close_matches(name, [field for field in _fields(kind) if field != "others"], n=1, cutoff=0.7)
    return UnknownSetting(f"{prefix}{name.upper()}", f"{prefix}{similar[0].upper()}" if similar else None)


def own_values(settings: Settings, plugin: str) -> dict[str, Any]:
    """What is set for a plugin, by the names of its fields."""
    prefix = f"{plugin}_"
    return {key.removeprefix(prefix): value for key, value in settings.others.items() if key.startswith(prefix)}


def convert(values: dict[str, Any], kind: type[T], prefix: str) -> T:
    """Values as they are set, as a struct. Raises `SettingError` that names the variable."""
    for name in values:
        if name not in _fields(kind):
            raise unknown(name, kind, prefix)
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$.")
        name = path.rstrip("`").upper()
        if missing := re.match(r"Object missing required field `(\w+)`", reason):
            raise SettingError(f"{prefix}{missing[1].upper()}", "A value is required") from None
        raise SettingError(f"{prefix}{name}", _in_words(reason, name.lower(), kind)) from None


def _fields(kind: Any) -> tuple[str, ...]:
    """The names of a struct's fields; `Struct` itself has none."""
    return getattr(kind, "__struct_fields__", ())


def _in_words(reason: str, name: str, kind: Any) -> str:
    """What msgspec says of a value, as it is said to people."""
    hint = get_type_hints(kind).get(name)
    if reason.startswith("Invalid enum value") and get_origin(hint) is Literal:
        return f"Expected {' or '.join(map(str, get_args(hint)))}"
    return _TYPE.sub(lambda word: _WORDS[word[0]], _FOUND.sub("", reason))


def _read_file(path: str) -> dict[str, Any]:
    """The settings of a TOML file, under the names the environment has for them."""
    try:
        with open(path, "rb") as file:
            values = tomllib.load(file)
    except OSError as error:
        raise SettingError(CONFIG, f"Cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(CONFIG, f"{path} is not valid TOML: {error}") from None
    return {PREFIX + key.removeprefix(PREFIX).upper(): value for key, value in values.items()}
