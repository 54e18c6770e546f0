"""The addresses a server listens on: one, several, and both families at once."""

import json
import socket
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from eventorg.errors import OperatorError, SettingError
from eventorg.serving.server import listen, listen_on_all, url_of
from eventorg.settings import Settings, load
from tests.programs import APP, run, sentence, serving

needs_ipv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="IPv6 is not here")


def reaches(host: str, port: int) -> bool:
    try:
        with closing(socket.create_connection((host, port), 5)):
            return True
    except OSError:
        return False


@needs_ipv6
def test_any_address_of_ipv6_is_any_of_ipv4_too() -> None:
    with listen("::", 0) as listener:
        port = listener.getsockname()[1]
        assert reaches("127.0.0.1", port)
        assert reaches("::1", port)


@needs_ipv6
def test_but_for_an_address_of_ipv4_beside_it() -> None:
    with listen_on_all(["127.0.0.1", "::"], 0) as listeners:
        port = listeners[0].getsockname()[1]
        assert [url_of(listener) for listener in listeners] == [f"http://127.0.0.1:{port}", f"http://[::]:{port}"]
        assert reaches("::1", port)
        assert not reaches("127.0.0.2", port)


@needs_ipv6
def test_a_server_answers_at_each_of_its_addresses(tmp_path: Path) -> None:
    with serving(tmp_path / "eventorg.db", host="127.0.0.1, ::1,127.0.0.1") as server:
        port = httpx.URL(server.url).port
        for url in (f"http://127.0.0.1:{port}", f"http://[::1]:{port}"):
            assert httpx.get(f"{url}/health", trust_env=False).status_code == 200
        server.process.terminate()
        server.wait()
        told = [record["url"] for record in map(json.loads, server.log.splitlines()) if record["event"] == "serving"]
    assert told == [f"http://127.0.0.1:{port}", f"http://[::1]:{port}"]


def test_one_address_that_cannot_be_had_is_one_sentence_and_leaves_none(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
    said = sentence(run(tmp_path / "eventorg.db", program=APP, host="127.0.0.1,192.0.2.1", port=port))
    assert said.startswith(f"Cannot listen on 192.0.2.1:{port}: cannot assign requested address")
    with pytest.raises(OperatorError), listen_on_all(["127.0.0.1", "192.0.2.1"], port):
        pass
    assert not reaches("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 70, "..", "a b", "[::1]", "::1%nowhere"])
def test_what_is_no_address_is_one_sentence(host: str) -> None:
    with pytest.raises(OperatorError, match=r"^Cannot listen on .+: .+\. Check EVENTORG_HOST"):
        listen(host, 0)


def test_each_address_counts_once() -> None:
    assert Settings(host=" ::1, 127.0.0.1 ,::1").hosts == ("::1", "127.0.0.1")


@pytest.mark.parametrize("host", [",", "127.0.0.1,", " "])
def test_an_empty_address_is_refused(host: str) -> None:
    with pytest.raises(SettingError, match=r"EVENTORG_HOST\. Expected comma-separated addresses"):
        load({"EVENTORG_HOST": host})
