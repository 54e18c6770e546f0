"""Calls a receiver: one attempt, at most ten seconds, at the exact address that was checked."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ssl import SSLContext
from typing import Final, Literal

import httpx
from anyio import CapacityLimiter
from msgspec import Struct

from eventorg.plugin import Refused

from .addresses import AddressRefused, Unresolvable, resolve

TIMEOUT_SECONDS: Final = 10.0
_CONNECT_SECONDS: Final = 4.0
_RESOLVE_SECONDS: Final = 5.0
_MAX_ADDRESSES: Final = 3

_threads = CapacityLimiter(8)
"""Limits the threads for checking new URLs, so that slow name servers do not delay deliveries."""

Fault = Literal["timeout", "unresolvable", "address_refused", "connection_failed"]


class Attempt(Struct, frozen=True, kw_only=True):
    """The result of an attempt: the status of the response, or the reason why there was none."""

    response_status: int | None = None
    fault: Fault | None = None
    retry_after: timedelta = timedelta()
    milliseconds: int = 0

    @property
    def succeeded(self) -> bool:
        """True if the receiver has accepted the message."""
        return self.response_status is not None and 200 <= self.response_status < 300


class PinnedTransport(httpx.AsyncBaseTransport):
    """Resolves a name once, checks the addresses, and connects to one of them.

    A name whose address changes after the check cannot redirect the request. The Host header and the certificate are
    those of the name. Each request has its own connection: two names at one address must not share one.
    """

    def __init__(self, tls: SSLContext, *, allow_private: bool, threads: CapacityLimiter) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(verify=tls, limits=limits, trust_env=False)
        self._allow_private = allow_private
        self._threads = threads

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Returns the response. Raises `Unresolvable`, `AddressRefused` and errors of httpx."""
        host, port = _place(request.url)
        addresses = await resolve(host, port, allow_private=self._allow_private, threads=self._threads)
        failure: Exception = Unresolvable(host)
        for address in addresses[:_MAX_ADDRESSES]:
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions | {"sni_hostname": host.rstrip(".")},
            )
            try:
                return await self._inner.handle_async_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        raise failure

    async def aclose(self) -> None:
        await self._inner.aclose()


async def check_destination(url: str, *, allow_private: bool) -> None:
    """Raises `Refused` for a URL whose host has no address or a private one. Each attempt to send checks this again."""
    try:
        async with asyncio.timeout(_RESOLVE_SECONDS):
            await resolve(*_place(httpx.URL(url)), allow_private=allow_private, threads=_threads)
    except (Unresolvable, AddressRefused, TimeoutError):
        raise Refused("invalid") from None


async def call(url: str, body: str, headers: dict[str, str], transport: PinnedTransport, now: datetime) -> Attempt:
    """Posts a message and returns the result. Follows no redirects and does not read the body of the response.

    An error is a failed attempt.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    status, fault, retry_after = None, None, timedelta()
    timeout = httpx.Timeout(TIMEOUT_SECONDS, connect=_CONNECT_SECONDS)
    try:
        async with (
            asyncio.timeout(TIMEOUT_SECONDS),
            httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False) as client,
            client.stream("POST", url, content=body.encode(), headers=headers) as response,
        ):
            status = response.status_code
            retry_after = _parse_retry_after(response.headers.get("retry-after", ""), now)
    except Exception as error:
        if status is None:  # an error after the response does not matter
            fault = _fault(error)
    milliseconds = round((loop.time() - started) * 1000)
    return Attempt(response_status=status, fault=fault, retry_after=retry_after, milliseconds=milliseconds)


def _place(url: httpx.URL) -> tuple[str, int]:
    """Returns host and port in the form that the resolver takes."""
    return url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80)


def _fault(error: Exception) -> Fault:
    match error:
        case AddressRefused():
            return "address_refused"
        case Unresolvable():
            return "unresolvable"
        case TimeoutError() | httpx.TimeoutException():
            return "timeout"
        case _:
            return "connection_failed"


def _parse_retry_after(value: str, now: datetime) -> timedelta:
    """Returns the pause that `Retry-After` asks for (RFC 9110, section 10.2.3); none if the value is invalid."""
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:10]), 10**9))
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return timedelta()
    return max(timedelta(), (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now)
