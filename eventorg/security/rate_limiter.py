"""Limits on requests per minute and sender."""

import math
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

from eventorg.domain.errors import TooMany
from eventorg.domain.values import Clock

MAX_SENDERS = 100_000
_MINUTE = 60_000_000  # in microseconds


class RateLimiter:
    """Allows each sender `limit` requests at once, and as many evenly within each following minute.

    This is the generic cell rate algorithm (ITU-T I.371, appendix I): one number per sender, the time until which its
    budget is spent. At most `MAX_SENDERS` are remembered; the least recently seen one is dropped first.
    """

    def __init__(self, limit: int, clock: Clock) -> None:
        self._interval = _MINUTE // limit
        self._clock = clock
        self._spent_until: OrderedDict[str, int] = OrderedDict()

    def take(self, sender: str) -> None:
        """Counts a request. Raises `TooMany` with the seconds until the next one is allowed; a refused request does not
        count."""
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
    """Returns the address that a client is counted by: for IPv6 the network, since one host can use a /64 (RFC 6177).

    Text that is not an address, which a proxy can send, is returned unchanged.
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
