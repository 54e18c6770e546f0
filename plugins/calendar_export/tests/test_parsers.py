"""Parsers that nobody here wrote read what was meant: ical.js, node-ical and libical, where they can be had."""

import ctypes
import json
import shutil
import subprocess
from ctypes.util import find_library
from pathlib import Path
from typing import Any

import pytest

from eventorg.testing import Server

from .calendars import NASTY, address_of

PACKAGES = ("ical.js@2", "node-ical@0.26")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A script of Node's that reads calendars, with the parsers it needs."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs node and npm")
    folder = tmp_path_factory.mktemp("node")
    install = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
    try:
        subprocess.run(install, check=True, capture_output=True, timeout=60)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip(f"npm cannot install {' and '.join(PACKAGES)}")
    return Path(shutil.copy(Path(__file__).with_name("read_calendars.mjs"), folder))


def read(reader: Path, content: bytes) -> dict[str, Any]:
    """Returns a calendar as the script reads it."""
    result = subprocess.run(["node", str(reader)], input=content, capture_output=True, timeout=60, check=True)
    read: dict[str, Any] = json.loads(result.stdout)
    return read


def test_programs_read_what_was_meant(eventorg: Server, reader: Path) -> None:
    host, guest = eventorg.sign_up(), eventorg.sign_up()
    nasty = host.create_event(**NASTY, start_time="2027-07-01T09:30:00+03:00", timezone="Europe/Moscow")
    host.patch(f"/events/{nasty['id']}", json={"end_time": "2027-07-01T11:00:00+03:00"})
    full = host.create_event(title="B", description="b", location="b", capacity=1)
    called_off = host.create_event(title="C", description="c", location="c", start_time="2099-12-31T23:59:59Z")
    host.post(f"/events/{full['id']}/register")
    for event in (nasty, full, called_off):
        assert guest.post(f"/events/{event['id']}/register").status_code == 201
    host.post(f"/events/{called_off['id']}/cancel")

    result = read(reader, eventorg.client.get(address_of(guest)).content)
    far = {"end": "2100-01-01T12:00:00.000Z"}
    expected = [
        {"uid": f"{nasty['id']}@eventorg", "sequence": 1, "status": "CONFIRMED", **NASTY}
        | {"start": "2027-07-01T06:30:00.000Z", "end": "2027-07-01T08:00:00.000Z"},
        {"uid": f"{called_off['id']}@eventorg", "sequence": 1, "status": "CANCELLED", "title": "C"}
        | {"description": "c", "location": "c", "start": "2099-12-31T23:59:59.000Z"}
        | far,
        {"uid": f"{full['id']}@eventorg", "sequence": 0, "status": "TENTATIVE", "title": "Список ожидания: B"}
        | {"description": "b", "location": "b", "start": "2100-01-01T10:00:00.000Z"}
        | far,
    ]
    assert result["ical.js"] == expected
    assert result["node-ical"] == expected
    assert (result["name"], result["refresh"]) == ("Мои мероприятия", 3600)


def test_a_backslash_before_n_is_no_line_break(eventorg: Server, reader: Path) -> None:
    texts = {"title": r"C:\New\news", "description": "\\n\n\\N", "location": r"\\n"}
    event = eventorg.sign_up().create_event(**texts)
    result = read(reader, eventorg.client.get(f"/events/{event['id']}/event.ics").content)
    (entry,) = result["ical.js"]  # node-ical takes it for one
    assert {name: entry[name] for name in texts} == texts


def test_libical_finds_no_fault(eventorg: Server) -> None:
    name = find_library("ical")
    if name is None:
        pytest.skip("needs libical")
    libical = ctypes.CDLL(name)
    libical.icalparser_parse_string.restype = ctypes.c_void_p

    def has_faults(content: bytes) -> bool:
        component = ctypes.c_void_p(libical.icalparser_parse_string(content))
        meets_restrictions = libical.icalrestriction_check(component)  # RFC 5546, section 3.2.1
        return not meets_restrictions or libical.icalcomponent_count_errors(component) > 0

    host = eventorg.sign_up()
    event = host.create_event(**NASTY)
    host.create_event(status="draft")
    assert host.post(f"/events/{event['id']}/cancel").status_code == 200
    feed = eventorg.client.get(address_of(host)).content
    assert not has_faults(feed)
    assert has_faults(feed.replace(b"UID:", b"X-UID:"))  # it does look
