"""The keys of one dashboard: the token that is printed, and the session that a browser gets for it.

A browser sends cookies to every port of a host, so that the name of the cookie has the port in it. The cookie holds the
session and never the token: whoever reads a browser's cookies later cannot open the dashboard elsewhere.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

_BYTES = 32


def _fresh() -> str:
    return secrets.token_urlsafe(_BYTES)


@dataclass(frozen=True)
class Keys:
    """The token and the session of the dashboard on ``port``; neither is ever shown by ``repr``."""

    port: int
    token: str = field(default_factory=_fresh, repr=False)
    session: str = field(default_factory=_fresh, repr=False)

    @property
    def cookie_name(self) -> str:
        """The name of the cookie with the session."""
        return f"caviar-dashboard-{self.port}"

    @property
    def set_cookie(self) -> str:
        """The header that gives a browser the session, until it is closed."""
        return f"{self.cookie_name}={self.session}; HttpOnly; SameSite=Strict; Path=/"

    def is_token(self, given: str) -> bool:
        """True for the token, in a time that does not depend on ``given``."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    def has_session(self, cookies: str) -> bool:
        """True where a Cookie header has the session."""
        try:
            given = SimpleCookie(cookies).get(self.cookie_name)
        except CookieError:
            return False
        return given is not None and hmac.compare_digest(given.value.encode(), self.session.encode())
