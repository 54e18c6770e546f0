"""Which addresses a webhook may lead to: those of the open internet, and none of the machine's own networks."""

import socket
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from anyio import CapacityLimiter, to_thread

_CLOSED_IPV4: Final = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network: Linux takes it for the machine itself
        "10.0.0.0/8",
        "100.64.0.0/10",  # behind a carrier's NAT; Alibaba's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's own services, at a public address
        "169.254.0.0/16",  # link-local, with the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
"""What is not globally reachable by the IANA registry of special-purpose addresses (RFC 6890), and a little more."""

_OPEN_IPV6: Final = ip_network("2000::/3")
_CLOSED_IPV6: Final = tuple(
    ip_network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)
_MAPPED: Final = ip_network("::ffff:0:0/96")
_NAT64: Final = ip_network("64:ff9b::/96")


class Unresolvable(Exception):
    """A name that has no address."""


class AddressRefused(Exception):
    """An address of the machine's own networks, or one that is nobody's."""


def is_open(address: str) -> bool:
    """Whether an address, as a resolver gives it, belongs to the open internet."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and (ip in _MAPPED or ip in _NAT64):
        ip = IPv4Address(ip.packed[-4:])
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _CLOSED_IPV4)
    return ip in _OPEN_IPV6 and not any(ip in network for network in _CLOSED_IPV6)


def is_own(address: str) -> bool:
    """Whether an address is one of this machine's: behind its firewall even if the whole world can name it.

    The kernel would call such an address from that address itself; asking it sends nothing.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            return bool(ip_address(probe.getsockname()[0]) == ip_address(address))
    except OSError:
        return False  # no way leads there


async def resolve(host: str, port: int, *, allow_private: bool, threads: CapacityLimiter) -> list[str]:
    """The addresses of a host, those to be preferred first; any spelling of an address is its own host.

    Raises `Unresolvable`, and `AddressRefused` if one of them is closed and closed ones are not allowed.
    """
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        found = await to_thread.run_sync(look_up, abandon_on_cancel=True, limiter=threads)
    except (OSError, UnicodeError):
        raise Unresolvable(host) from None
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    if not allow_private and not all(is_open(address) and not is_own(address) for address in addresses):
        raise AddressRefused(host)
    return addresses
