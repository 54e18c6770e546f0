"""Tells the service manager how the server fares, by the protocol of sd_notify(3); told nothing else, it is silent."""

import os
import socket
from typing import Literal

import structlog

SECONDS_BETWEEN_SIGNS = 5
"""How often a running server says that it is alive."""

log = structlog.get_logger("eventorg.server")


def notify(state: Literal["READY=1", "STOPPING=1", "WATCHDOG=1"]) -> None:
    """Says it to the socket that `NOTIFY_SOCKET` names, if any. One that is gone is logged and hurts nobody."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"  # Linux's abstract sockets
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.setblocking(False)
            manager.sendto(state.encode(), address)
    except OSError as error:
        log.warning("the service manager cannot be told", state=state, reason=str(error))


async def notify_alive() -> None:
    """A sign of life for a watchdog: it does not come from an event loop that hangs."""
    notify("WATCHDOG=1")
