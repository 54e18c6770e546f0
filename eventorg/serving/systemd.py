"""Reports the state of the server to the service manager, over the protocol of sd_notify(3)."""

import os
import socket
from typing import Literal

import structlog

WATCHDOG_SECONDS = 5
"""Interval of the messages that the server is alive."""

log = structlog.get_logger("eventorg.server")


def sd_notify(state: Literal["READY=1", "STOPPING=1", "WATCHDOG=1"]) -> None:
    """Sends the state to the socket in `NOTIFY_SOCKET`, or does nothing if it is not set. A failure is only logged."""
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
        log.warning("service_manager_notify_failed", state=state, error=str(error))


async def sd_notify_watchdog() -> None:
    """Tells the watchdog that the event loop is running. A blocked event loop sends nothing."""
    sd_notify("WATCHDOG=1")
