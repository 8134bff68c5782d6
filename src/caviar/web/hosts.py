"""The names under which a dashboard may be asked for.

A page of somebody else can have its own name lead to 127.0.0.1 (DNS rebinding): its requests then count as its own, and
only the Host header tells. The port is not looked at: through a tunnel (ssh -L) it is another one.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"
_OWN = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"(?:\[(?P<bracketed>[0-9A-Fa-f:.]+)\]|(?P<plain>[A-Za-z0-9._-]+))(?::[0-9]{1,5})?")


@dataclass(frozen=True)
class Hosts:
    """The names that a Host header may have: ``names``, and where ``addresses`` is set any address of numbers."""

    names: frozenset[str]
    addresses: bool = False

    @classmethod
    def of(cls, host: str) -> Hosts:
        """The names of a server that listens on ``host``.

        One that listens everywhere is asked for by any of its addresses, or by the name of the machine. No page can
        make an address of numbers lead elsewhere.
        """
        everywhere = host in ("", "0.0.0.0", "::")
        machine = {socket.gethostname(), socket.getfqdn()} if everywhere else set()
        return cls(frozenset(name.lower() for name in {*_OWN, host, *machine} if name), everywhere)

    def allow(self, header: str) -> bool:
        """True where a request with this Host ``header`` may be answered."""
        found = _HOST.fullmatch(header)
        if found is None:
            return False
        name = (found["bracketed"] or found["plain"]).lower().rstrip(".")
        if name in self.names:
            return True
        return self.addresses and _is_address(name)


def is_loopback(host: str) -> bool:
    """True where only this machine reaches a server on ``host``."""
    if host == "localhost":
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
