"""The example files for deployment: they are valid, and they match the server's own limits."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from eventorg.api.changes import HEARTBEAT_SECONDS
from eventorg.application import create_app
from eventorg.cli import cli
from eventorg.cli.deploy import EXAMPLES
from eventorg.domain.errors import Unavailable
from eventorg.serving.server import SHUTDOWN_SECONDS, server_config
from eventorg.serving.systemd import WATCHDOG_SECONDS
from eventorg.settings import PREFIX, Settings, load
from eventorg.testing import Server
from eventorg.web.bodies import MAX_BATCH_BYTES
from tests.programs import CHECKOUT, run, sentence
from tests.readme import README

HARDENING = {
    "AmbientCapabilities": "",
    "CapabilityBoundingSet": "",
    "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes",
    "NoNewPrivileges": "yes",
    "PrivateDevices": "yes",
    "PrivateTmp": "yes",
    "PrivateUsers": "yes",
    "ProtectClock": "yes",
    "ProtectControlGroups": "yes",
    "ProtectHome": "yes",
    "ProtectHostname": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectProc": "invisible",
    "ProtectSystem": "strict",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native",
    "UMask": "0077",
}
MAX_EXPOSURE = 15
"""Exposure by `systemd-analyze security`, in tenths: 15 is OK, 96 is a unit without any of this."""
MAX_WAIT = 30
"""Longest wait of `GET /changes`, in seconds."""


def example(name: str) -> str:
    """Returns the output of `eventorg deploy`."""
    result = CliRunner().invoke(cli, ["deploy", name], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return str(result.stdout)


CADDYFILES = ("Caddyfile", "Caddyfile.organizations")
UNITS = ("eventorg.service", "eventorg@.service")


def unit(name: str = "eventorg.service") -> list[tuple[str, str]]:
    """Returns the settings of a systemd unit, which can repeat a name."""
    lines = [line for line in example(name).splitlines() if line and line[0] not in "#["]
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]


def seconds(pattern: str, text: str) -> list[int]:
    """Returns every value of an option."""
    found = [int(number) * {"s": 1, "m": 60}[unit] for number, unit in re.findall(rf"{pattern} (\d+)([sm])\b", text)]
    assert found, pattern
    return found


def keep_alive() -> int:
    return server_config(create_app(Settings(plugins="none")), Settings()).timeout_keep_alive


def test_every_file_in_the_folder_is_printed() -> None:
    folder = CHECKOUT / "eventorg" / "deploy"
    assert sorted(file.name for file in folder.iterdir()) == sorted(EXAMPLES)
    for name in EXAMPLES:
        assert example(name) == (folder / name).read_text(encoding="utf-8")
        assert f"`{name}`" in README.read_text(encoding="utf-8")


def test_the_unit_starts_the_server_and_gives_it_the_time_it_needs() -> None:
    given = dict(unit())
    assert (given["Type"], given["User"]) == ("notify", "eventorg")
    assert given["ExecStart"].split()[1:] == ["serve"]
    assert int(given["TimeoutStopSec"].removesuffix("s")) > SHUTDOWN_SECONDS + 10
    assert int(given["WatchdogSec"].removesuffix("s")) > SHUTDOWN_SECONDS + 4 * WATCHDOG_SECONDS
    environment = dict(value.split("=", 1) for name, value in unit() if name == "Environment")
    assert environment.pop("EVENTORG_CONFIG")
    load(environment)


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_allows_only_its_own_folder(name: str) -> None:
    assert dict(unit(name)).items() >= HARDENING.items()


def test_the_template_differs_from_the_unit_by_the_organization_only() -> None:
    one, each = ([pair for pair in unit(name) if pair[0] != "Description"] for name in UNITS)
    assert [(name, value.replace("%i.toml", "eventorg.toml").replace("/%i", "")) for name, value in each] == one
    assert sum("%i" in value for _, value in each) == 3  # its settings, its folder, and where it runs


def test_the_unit_allows_setpriority() -> None:
    filters = [value for name, value in unit() if name == "SystemCallFilter"]
    assert filters == ["@system-service", "~@privileged @resources", "setpriority"]  # the later of two lines wins


def systemd_analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_accepts_the_unit_and_rates_it_safe(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(example(file.name).replace("/opt/eventorg/bin/eventorg", sys.executable), encoding="utf-8")
    verified = systemd_analyze("verify", str(file))
    assert (verified.returncode, file.name in verified.stderr) == (0, False), verified.stderr
    judged = systemd_analyze("security", "--offline=yes", f"--threshold={MAX_EXPOSURE}", str(file))
    assert judged.returncode == 0, judged.stdout


@pytest.mark.parametrize("name", ["nginx.conf", *CADDYFILES])
def test_a_proxy_waits_longer_than_the_server_and_keeps_connections_shorter(name: str) -> None:
    text = example(name)
    options = ("keepalive_timeout", "proxy_read_timeout") if name == "nginx.conf" else ("keepalive", "header_timeout")
    assert all(time < keep_alive() for time in seconds(options[0], text))
    assert all(time > max(MAX_WAIT, HEARTBEAT_SECONDS) for time in seconds(options[1], text))
    largest = [int(size) * 1000 for size in re.findall(r"client_\w+_size (\d+)k", text)]
    assert all(size > MAX_BATCH_BYTES for size in largest)  # so the server itself rejects larger bodies


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not here")
def test_nginx_accepts_the_site(tmp_path: Path) -> None:
    site = re.sub(r"ssl_certificate.*|ssl http2", "", example("nginx.conf")).replace("443", "8443")
    file = tmp_path / "nginx.conf"
    folders = "".join(f"{kind}_temp_path {tmp_path};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    file.write_text(f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {folders} {site} }}")
    tried = subprocess.run(["nginx", "-t", "-c", file, "-p", tmp_path], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    assert "[warn]" not in tried.stderr


@pytest.mark.skipif(not shutil.which("caddy"), reason="Caddy is not here")
@pytest.mark.parametrize("name", CADDYFILES)
def test_caddy_accepts_the_site(name: str, tmp_path: Path) -> None:
    file = tmp_path / "Caddyfile"
    file.write_text(example(name), encoding="utf-8")
    home = os.environ | {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    for command in (["caddy", "validate", "--config", str(file)], ["caddy", "fmt", str(file)]):
        tried = subprocess.run(command, env=home, capture_output=True, text=True, check=False)
        assert tried.returncode == 0, tried.stderr
    assert tried.stdout == example(name)


def test_litestream_copies_the_database_of_the_unit() -> None:
    (database,) = YAML(typ="safe").load(example("litestream.yml"))["dbs"]
    assert database["path"] == "/var/lib/eventorg/eventorg.db"
    assert f'database = "{database["path"]}"' in example("eventorg.service")
    assert [replica.keys() for replica in database["replicas"]] == [{"url"}]


def container() -> list[tuple[str, str]]:
    """Returns the instructions of the Containerfile as pairs."""
    text = (CHECKOUT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    return [(instruction, rest) for instruction, rest in lines]


def test_the_container_runs_without_root_and_has_a_health_check() -> None:
    given = dict(container())
    assert given["USER"] == "10001:10001"  # a number, so that an orchestrator can tell it is not root
    assert (given["ENTRYPOINT"], given["CMD"]) == ('["eventorg"]', '["serve"]')
    assert given["HEALTHCHECK"].endswith('CMD ["eventorg", "health"]')
    environment = dict(re.findall(rf"({PREFIX}\w+)=(\S+)", given["ENV"]))
    settings = load(environment)
    assert len(environment) == 3
    assert settings.database_path.parent == Path(given["VOLUME"]) == Path(given["WORKDIR"])
    assert given["EXPOSE"] == str(settings.port)


def test_what_the_container_copies_is_enough_to_install_it(tmp_path: Path) -> None:
    ignored = (CHECKOUT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [rest.split()[:-1] for instruction, rest in container() if instruction == "COPY" and "--from" not in rest]
    for name in (source for sources in copied for source in sources):
        assert f"!{name}" in ignored
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path)
    subprocess.run([sys.executable, "-m", "hatchling", "build", "--target", "wheel"], cwd=tmp_path, check=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("sql", "plugins", "deploy", "locales"):
        assert any(name.startswith(f"eventorg/{folder}/") for name in packed), folder
    assert {"eventorg/py.typed", *(f"eventorg/deploy/{name}" for name in EXAMPLES)} <= packed
    for name in packed - {"eventorg/testing.py"}:
        assert "/template/" in name or not re.search(r"/(tests/|conftest|test_)", name), name


def test_the_container_pins_what_it_is_made_of() -> None:
    images = [rest.split()[0] for instruction, rest in container() if instruction == "FROM"]
    assert len(set(images)) == 1
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+", images[0])
    (installed,) = (rest for instruction, rest in container() if instruction == "RUN" and "pip install" in rest)
    assert "--constraint /source/constraints.txt" in installed
    lines = (CHECKOUT / ".ci" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    versions = {canonicalize_name(name): version for name, version in pinned.items()}
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for text in (*project["dependencies"], *project["optional-dependencies"]["mail"]):
        requirement = Requirement(text)
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), text


def test_health_is_a_command(fresh_server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    port = fresh_server.url.rpartition(":")[2]
    monkeypatch.setenv("EVENTORG_PORT", port)
    for host in ("127.0.0.1", "0.0.0.0"):
        monkeypatch.setenv("EVENTORG_HOST", host)
        asked = CliRunner().invoke(cli, "health", catch_exceptions=False)
        assert (asked.exit_code, asked.output) == (0, "ok\n")

    async def refuse() -> None:
        raise Unavailable("storage_unavailable")

    assert fresh_server.app
    monkeypatch.setattr(fresh_server.app.state.core.health, "probe", refuse)
    refused = run(tmp_path / "other.db", "health", port=port)
    assert sentence(refused) == f"The server is not healthy: http://127.0.0.1:{port}/health returned 503."


def test_health_without_a_server_is_one_sentence(tmp_path: Path) -> None:
    refused = run(tmp_path / "eventorg.db", "health", host="::1", port=9)
    assert sentence(refused).startswith("No response from http://[::1]:9/health: ")
    assert list(tmp_path.iterdir()) == []
