"""How often one person may ask for what costs the shop much (限流).

Counted by the member, who shares an address with thousands behind a carrier's NAT;
a visitor without a login is counted by the address, so an address may ask more often.
nginx limits addresses as such; this is fairness between people. The counts live in
the cache's port: in Redis, or in files where there is none or it is gone.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import g
from flask.typing import ResponseReturnValue

from app.core import web
from app.core.errors import TooMany

P = ParamSpec("P")

WINDOW_SECONDS = 60
# How often one number may make us ask WeChat, however many pages poll.
ASK_SECONDS = 3
# How many people may sit behind one address before they are told to wait.
PER_ADDRESS = 5


def may_ask(number: str) -> bool:
    """Whether WeChat may be asked about this number now: nobody did a moment ago."""
    try:
        return web.cache().count(f"asked:{number}", ASK_SECONDS) == 1
    except TimeoutError:
        # Many pages ask at once: one of them is heard.
        return False


def limited(
    what: str, most: int
) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """At most `most` calls a minute by one person. Raises TooMany."""

    def wrap(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            member = g.get("member")
            who = f"m{member.id}" if member is not None else web.remote_address()
            allowed = most if member is not None else most * PER_ADDRESS
            try:
                asked = web.cache().count(f"limit:{what}:{who}", WINDOW_SECONDS)
            except TimeoutError:
                # So many at once that not even the counting got through.
                raise TooMany() from None
            if asked > allowed:
                raise TooMany()
            return view(*args, **kwargs)

        return wrapped

    return wrap
