"""Requests a minute, by who sends them."""

import math
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

from eventorg.domain.errors import TooMany
from eventorg.domain.values import Clock

MAX_SENDERS = 100_000
_MINUTE = 60_000_000  # in microseconds


class RateLimiter:
    """Allows each sender `limit` requests at once, and as many within a minute after that, evenly.

    The generic cell rate algorithm (ITU-T I.371, appendix I): one number a sender, the moment until which its budget is
    spent. No more than `MAX_SENDERS` are remembered; the one heard of longest ago is forgotten first.
    """

    def __init__(self, limit: int, clock: Clock) -> None:
        self._interval = _MINUTE // limit
        self._clock = clock
        self._spent_until: OrderedDict[str, int] = OrderedDict()

    def take(self, sender: str) -> None:
        """Counts a request. Raises `TooMany` with the seconds until there is room for one, and does not count that."""
        now = int(self._clock().timestamp() * 1_000_000)
        spent_until = self._spent_until.get(sender, 0)
        if spent_until - now > _MINUTE:
            spent_until = now  # the clock was set back
        until = max(spent_until, now) + self._interval
        if until - now > _MINUTE:
            raise TooMany(retry_after=math.ceil((until - now - _MINUTE) / 1_000_000))
        self._spent_until[sender] = until
        self._spent_until.move_to_end(sender)
        if len(self._spent_until) > MAX_SENDERS:
            self._spent_until.popitem(last=False)


def network_of(client: tuple[str, int] | None) -> str:
    """The address that a client is counted by: of IPv6 the network, since one host has a /64 to choose from (RFC 6177).

    What is no address, as a proxy may say it, stays as it is.
    """
    if client is None:
        return "unknown"
    try:
        address = ip_address(client[0])
    except ValueError:
        return client[0][:64]
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
    return str(address)
