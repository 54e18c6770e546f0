"""Settings from the environment and from a file, and the errors for invalid ones."""

from pathlib import Path
from typing import Any

import pytest

from eventorg.cli import main
from eventorg.errors import SettingError
from eventorg.settings import Settings, load, own_values
from tests.programs import run, sentence

SECRET = "0123456789abcdef" * 2
BOT_KEY = f"123456:{0:064x}"
VALUES: dict[str, tuple[str, str | int]] = {
    "database": ("/var/lib/events.db", "/var/lib/events.db"),
    "host": ("::1", "::1"),
    "port": ("8080", 8080),
    "secret": (SECRET, SECRET),
    "token_hours": ("48", 48),
    "signup": ("closed", "closed"),
    "login_attempts": ("3", 3),
    "requests_per_minute": ("600", 600),
    "signups_per_minute": ("30", 30),
    "events_per_user": ("50", 50),
    "synchronous": ("normal", "normal"),
    "trusted_proxies": ("10.0.0.0/8,::1", "10.0.0.0/8,::1"),
    "public_url": ("https://events.example.com:8443/api/", "https://events.example.com:8443/api"),
    "cors_origins": ("https://a.example, http://[::1]:8080", "https://a.example, http://[::1]:8080"),
    "telegram_bot_token": (BOT_KEY, BOT_KEY),
    "telegram_bot_id": ("123456", 123456),
    "telegram_max_age": ("60", 60),
    "telegram_max_ahead": ("0", 0),
    "changes_days": ("7", 7),
    "backups": ("/var/backups", "/var/backups"),
    "backup_hours": ("6", 6),
    "backups_kept": ("30", 30),
    "smtp_url": ("smtp://mail.example", "smtp://mail.example"),
    "smtp_from": ("a@example.org", "a@example.org"),
    "deliveries_days": ("7", 7),
    "log_level": ("debug", "debug"),
    "log_format": ("json", "json"),
    "metrics": ("on", "on"),
    "metrics_token": ("s3cret", "s3cret"),
    "plugins": ("none", "none"),
    "plugins_dir": ("/var/lib/plugins", "/var/lib/plugins"),
}
REFUSED = [
    ("port", "80a"),
    ("port", "65536"),
    ("port", "-1"),
    ("token_hours", "0"),
    ("token_hours", "1.5"),
    ("signup", "Open"),
    ("login_attempts", "none"),
    ("requests_per_minute", "-1"),
    ("signups_per_minute", "-1"),
    ("events_per_user", "0"),
    ("synchronous", "off"),
    ("deliveries_days", "0"),
    ("log_level", "INFO"),
    ("log_format", "xml"),
    ("metrics", "yes"),
    ("metrics_token", "ключ"),
    ("metrics_token", "two words"),
    ("secret", "x" * 31),
    ("secret", f"{SECRET},short"),
    ("secret", f"{SECRET},"),
    ("telegram_bot_token", "123456"),
    ("telegram_bot_token", "bot:token"),
    ("cors_origins", "example.com"),
    ("cors_origins", "https://example.com/"),
    ("cors_origins", "https://a.example,"),
    ("cors_origins", "ftp://a.example"),
    ("trusted_proxies", "nonsense"),
    ("trusted_proxies", "localhost"),
    ("trusted_proxies", "10.0.0.1/8"),
    ("trusted_proxies", "10.0.0.0/33"),
    ("trusted_proxies", "127.0.0.1,"),
    ("trusted_proxies", "127.0.0.1, *"),
    ("trusted_proxies", "127.0.0.1:80"),
    ("trusted_proxies", "[::1]"),
    ("trusted_proxies", " "),
    ("public_url", "events.example.com"),
    ("public_url", "ftp://events.example.com"),
    ("public_url", "https://"),
    ("public_url", "https://events.example.com:65536"),
    ("public_url", "https://events.example.com/?page=1"),
    ("public_url", "https://events.example.com/#top"),
    ("public_url", "https://user@events.example.com"),
    ("public_url", "https://events.example.com/a b"),
    ("public_url", "https://мероприятия.example"),
    ("telegram_max_age", "0"),
    ("changes_days", "0"),
    ("backup_hours", "0"),
    ("backups_kept", "0"),
]


def write(tmp_path: Path, *lines: str) -> dict[str, str]:
    """Returns an environment that names a file with these lines."""
    (tmp_path / "eventorg.toml").write_text("\n".join(lines), encoding="utf-8")
    return {"EVENTORG_CONFIG": str(tmp_path / "eventorg.toml")}


def toml(value: str | int) -> str:
    return str(value) if isinstance(value, int) else f'"{value}"'


def test_every_setting_is_tried_here() -> None:
    assert {*VALUES, "others"} == set(Settings.__struct_fields__)


def test_the_defaults_apply_without_settings() -> None:
    assert load({"PATH": "/bin", "OTHER_PORT": "1"}) == Settings()
    assert load({"EVENTORG_CONFIG": ""}) == Settings()


@pytest.mark.parametrize("name", VALUES)
def test_a_setting_comes_from_the_environment_or_a_file(tmp_path: Path, name: str) -> None:
    text, value = VALUES[name]
    needed = {"EVENTORG_SMTP_FROM": "b@example.org"} if name == "smtp_url" else {}
    assert getattr(Settings(), name) != value
    assert getattr(load(needed | {f"EVENTORG_{name.upper()}": text}), name) == value
    assert getattr(load(needed | write(tmp_path, f"{name} = {toml(value)}")), name) == value
    assert getattr(load(needed | write(tmp_path, f"EVENTORG_{name.upper()} = {toml(value)}")), name) == value


@pytest.mark.parametrize("key", ["port", "PORT", "EVENTORG_PORT"])
def test_the_environment_wins(tmp_path: Path, key: str) -> None:
    settings = load(write(tmp_path, f"{key} = 1", 'host = "::1"') | {"EVENTORG_PORT": "2"})
    assert (settings.port, settings.host) == (2, "::1")


@pytest.mark.parametrize("name", VALUES)
def test_an_empty_value_is_not_set(tmp_path: Path, name: str) -> None:
    text, value = VALUES[name]
    needed = {"EVENTORG_SMTP_FROM": "b@example.org"} if name == "smtp_url" else {}
    variable = f"EVENTORG_{name.upper()}"
    default = getattr(Settings(), name)
    assert getattr(load({variable: ""}), name) == default
    assert getattr(load(write(tmp_path, f'{name} = ""')), name) == default
    assert getattr(load(needed | write(tmp_path, f"{name} = {toml(value)}") | {variable: ""}), name) == value
    assert getattr(load(needed | write(tmp_path, f'{name} = ""') | {variable: text}), name) == value


def test_an_empty_value_of_a_plugin_is_not_set(tmp_path: Path) -> None:
    settings = load(write(tmp_path, 'notes_color = ""', "notes_size = 2") | {"EVENTORG_NOTES_SIZE": ""})
    assert own_values(settings, "notes") == {"size": 2}


@pytest.mark.parametrize("name", ["EVENTORG_PROT", "EVENTORG_NOSUCH_THING"])
def test_an_unknown_name_is_an_error_even_if_it_is_empty(tmp_path: Path, name: str) -> None:
    refused = run(tmp_path / "eventorg.db", "serve", **{name.removeprefix("EVENTORG_").lower(): ""})
    assert sentence(refused, status=2).startswith(f"Unknown setting {name}.")


@pytest.mark.parametrize("name", [*VALUES, "notes_color"])
@pytest.mark.parametrize("value", ["\udcff", "a\udcffb", "\0", "a\0b"])
def test_a_value_that_is_not_text_is_an_error(name: str, value: str) -> None:
    with pytest.raises(SettingError, match="Expected UTF-8 text without the character NUL") as error:
        load({f"EVENTORG_{name.upper()}": value})
    assert error.value.field == f"EVENTORG_{name.upper()}"


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_an_invalid_value_names_the_variable_and_not_the_value(tmp_path: Path, name: str, value: str) -> None:
    variable = f"EVENTORG_{name.upper()}"
    for given in ({variable: value}, write(tmp_path, f"{name} = {toml(value)}")):
        with pytest.raises(SettingError) as error:
            load(given)
        assert error.value.field == variable
        assert str(error.value) == f"Invalid setting {variable}. {error.value.message}."
        assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    "lines",
    [["prot = 1"], ["EVENTORG_PROT = 1"], ["[notes]", "hours = 1"], ['EVENTORG_CONFIG = "o.toml"'], ["others = 1"]],
)
def test_an_unknown_name_in_the_file_is_an_error(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(SettingError, match=r"^Unknown setting EVENTORG_[A-Z]+\."):
        load(write(tmp_path, *lines))


def test_names_that_can_be_a_plugins_are_kept(tmp_path: Path) -> None:
    settings = load(write(tmp_path, "notes_color = 1", "notes_size = 2") | {"EVENTORG_NOTES_SIZE": "3"})
    assert settings.others == {"notes_color": 1, "notes_size": "3"}


COMMANDS = [
    ["serve"],
    ["migrate"],
    ["check"],
    ["backup", "copy.db"],
    ["restore", "copy.db"],
    ["openapi"],
    ["plugins"],
    ["plugins", "retry", "x"],
]


@pytest.mark.parametrize("command", [*COMMANDS, ["token", "list"], ["unheard-of"]], ids=" ".join)
def test_every_command_rejects_settings_of_no_plugin(
    tmp_path: Path, command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENTORG_NOSUCH_THING", "1")
    with pytest.raises(SystemExit, check=lambda end: end.code == 2):
        main(command)
    assert capsys.readouterr() == (
        "",
        "eventorg: Unknown setting EVENTORG_NOSUCH_THING.\n",
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"port = ", "is not valid TOML"),
        (b"\xff\xfe", "is not valid TOML"),
        (b"port = 1\nport = 2", "is not valid TOML"),
        (b"port = " + b"9" * 5_000, "is not valid TOML"),
        (b"port = " + b"[" * 5_000, "is nested too deeply"),
        (b"port = " + b"{a = " * 1_000, "is nested too deeply"),
        (b"#" * 1_048_577, "is larger than 1 MiB"),
    ],
    ids=lambda value: str(value[:20]),
)
def test_a_file_that_is_not_toml_is_an_error(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "eventorg.toml"
    file.write_bytes(content)
    with pytest.raises(SettingError, match=reason):
        load({"EVENTORG_CONFIG": str(file)})


def test_a_file_without_an_end_is_an_error() -> None:
    with pytest.raises(SettingError, match="/dev/zero is larger than 1 MiB"):
        load({"EVENTORG_CONFIG": "/dev/zero"})


@pytest.mark.parametrize("value", ["nan", "inf", "true", "1979-05-27", "[]", "{}", "-1", "99999999999999999999999"])
def test_a_value_of_another_type_is_an_error(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingError, match=r"Invalid setting EVENTORG_PORT\. Expected a whole number"):
        load(write(tmp_path, f"port = {value}"))


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_an_unreadable_file_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingError, match=r"Invalid setting EVENTORG_CONFIG\. Cannot read"):
        load({"EVENTORG_CONFIG": str(tmp_path / name)})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"prot": "1"}, "Unknown setting EVENTORG_PROT. Did you mean EVENTORG_PORT?"),
        ({"token_hour": "1"}, "Unknown setting EVENTORG_TOKEN_HOUR. Did you mean EVENTORG_TOKEN_HOURS?"),
        ({"port": "eighty"}, "Invalid setting EVENTORG_PORT. Expected a whole number."),
        ({"port": "65536"}, "Invalid setting EVENTORG_PORT. Expected a whole number <= 65535."),
        ({"signup": "Open"}, "Invalid setting EVENTORG_SIGNUP. Expected open or closed."),
        (
            {"metrics_token": "two words"},
            "Invalid setting EVENTORG_METRICS_TOKEN. Expected visible ASCII characters without",
        ),
        ({"secret": "short"}, "Invalid setting EVENTORG_SECRET. Expected at least 32 bytes in each secret."),
        (
            {"trusted_proxies": "nonsense"},
            "Invalid setting EVENTORG_TRUSTED_PROXIES. Expected addresses or networks such as",
        ),
        ({"config": "missing.toml"}, "Invalid setting EVENTORG_CONFIG. Cannot read missing.toml: No such file"),
    ],
)
def test_an_invalid_setting_is_one_sentence(tmp_path: Path, settings: dict[str, Any], words: str) -> None:
    assert sentence(run(tmp_path / "eventorg.db", "serve", **settings), status=2).startswith(words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("proxies", ["", "*", "127.0.0.1", "10.0.0.0/8, ::1", "fd00::/8,192.168.0.1"])
def test_proxies_can_be_addresses_networks_or_all(proxies: str) -> None:
    assert load({"EVENTORG_TRUSTED_PROXIES": proxies}).trusted_proxies == proxies


def test_secrets_are_split_at_commas() -> None:
    assert Settings().secrets == ()
    assert Settings(secret=f"{SECRET}, {SECRET}2").secrets == (SECRET, f"{SECRET}2")


def test_only_the_key_of_a_bots_token_is_kept() -> None:
    settings = load({"EVENTORG_TELEGRAM_BOT_TOKEN": "123456:AAsecret"})
    assert "AAsecret" not in repr(settings)
    assert settings.telegram_bot_token.startswith("123456:")
