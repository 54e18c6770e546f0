"""Checks the addresses of webhooks: public ones are allowed, private networks and this machine are not."""

import socket
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from anyio import CapacityLimiter, to_thread

_CLOSED_IPV4: Final = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network; Linux treats it as the machine itself
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; metadata of Alibaba Cloud
        "127.0.0.0/8",
        "168.63.129.16/32",  # internal services of Azure, at a public address
        "169.254.0.0/16",  # link-local; metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; metadata of Oracle Cloud
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
"""Networks that are not globally reachable by the IANA special-purpose registry (RFC 6890), and a few more."""

_OPEN_IPV6: Final = ip_network("2000::/3")
_CLOSED_IPV6: Final = tuple(
    ip_network(network)
    for network in (
        "2001::/23",  # protocol assignments, including Teredo
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)
_MAPPED: Final = ip_network("::ffff:0:0/96")
_NAT64: Final = ip_network("64:ff9b::/96")


class Unresolvable(Exception):
    """The host name has no address."""


class AddressRefused(Exception):
    """The address is private, reserved, or one of this machine's."""


def is_open(address: str) -> bool:
    """Returns true if an address, as returned by a resolver, is on the public internet."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and (ip in _MAPPED or ip in _NAT64):
        ip = IPv4Address(ip.packed[-4:])
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _CLOSED_IPV4)
    return ip in _OPEN_IPV6 and not any(ip in network for network in _CLOSED_IPV6)


def is_own(address: str) -> bool:
    """Returns true if an address is one of this machine's, which a firewall may protect even if it is public.

    The kernel would use that same address as the source. Asking it sends no packet.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            return bool(ip_address(probe.getsockname()[0]) == ip_address(address))
    except OSError:
        return False  # no route


async def resolve(host: str, port: int, *, allow_private: bool, threads: CapacityLimiter) -> list[str]:
    """Returns the addresses of a host, the preferred ones first. The host may also be an address in any notation.

    Raises `Unresolvable`, and `AddressRefused` if an address is not public and `allow_private` is false.
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
