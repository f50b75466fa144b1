"""Calls from WeChat to the mall."""

import requests


def send(method: str, url: str, **options) -> requests.Response:
    """One request as WeChat makes it: no redirects, and no proxy of this machine."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, allow_redirects=False, **options)
