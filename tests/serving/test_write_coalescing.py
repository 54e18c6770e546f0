"""Data that is written in one step of the event loop is sent together, in order, and completely."""

import asyncio
import socket

import pytest

from eventorg.serving.write_coalescing import CoalescingTransport

pytestmark = pytest.mark.anyio


class CountingTransport(asyncio.Transport):
    """A transport that records its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[object] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.told.append(bytes(data))

    def close(self) -> None:
        self.told.append("close")

    def abort(self) -> None:
        self.told.append("abort")

    def is_closing(self) -> bool:
        return "close" in self.told

    def pause_reading(self) -> None:
        self.told.append("pause")

    def resume_reading(self) -> None:
        self.told.append("resume")


@pytest.fixture
def inner() -> CountingTransport:
    return CountingTransport()


@pytest.fixture
async def outer(inner: CountingTransport) -> CoalescingTransport:
    return CoalescingTransport(inner, asyncio.get_running_loop())


async def test_head_and_body_are_sent_together(inner: CountingTransport, outer: CoalescingTransport) -> None:
    outer.write(b"head ")
    outer.write(b"body")
    assert inner.told == []
    await asyncio.sleep(0)
    outer.write(b" and the next")
    await asyncio.sleep(0)
    assert inner.told == [b"head body", b" and the next"]


async def test_closing_sends_the_buffer(inner: CountingTransport, outer: CoalescingTransport) -> None:
    outer.write(b"goodbye")
    outer.close()
    await asyncio.sleep(0)
    assert inner.told == [b"goodbye", "close"]
    assert outer.is_closing()


async def test_aborting_discards_the_buffer(inner: CountingTransport, outer: CoalescingTransport) -> None:
    outer.write(b"too late")
    outer.abort()
    await asyncio.sleep(0)
    assert inner.told == ["abort"]


async def test_the_buffer_of_a_broken_connection_is_discarded(
    inner: CountingTransport, outer: CoalescingTransport
) -> None:
    outer.write(b"too late")
    inner.close()
    await asyncio.sleep(0)
    assert inner.told == ["close"]


async def test_large_data_is_not_buffered(inner: CountingTransport, outer: CoalescingTransport) -> None:
    chunk = b"x" * 65_536
    for _ in range(3):
        outer.write(chunk)
    assert inner.told == [chunk] * 3


async def test_flow_control_reaches_the_socket(inner: CountingTransport, outer: CoalescingTransport) -> None:
    outer.pause_reading()
    outer.resume_reading()
    assert inner.told == ["pause", "resume"]


async def test_a_real_socket_gets_every_byte_in_order() -> None:
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    outer = CoalescingTransport(transport, loop)
    reader, writer = await asyncio.open_connection(sock=theirs)
    pieces = [str(number).encode() * (number % 7 * 5_000 + 1) for number in range(100)]
    for number, piece in enumerate(pieces):
        outer.write(piece)
        if number % 3 == 0:
            await asyncio.sleep(0)
    outer.close()
    assert await reader.read() == b"".join(pieces)
    writer.close()
