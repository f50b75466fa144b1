"""The panel's own fixtures."""

import pytest

from app.admin.auth import COOKIE


@pytest.fixture
def admin_client(admin_client):
    """`admin_client("owner")`, with its cookie for the host that the test client asks."""

    def make(role: str):
        client = admin_client(role)
        for domain in ("mall.test", "localhost"):
            kept = client.get_cookie(COOKIE, domain=domain, path="/admin")
            if kept is not None:
                client.set_cookie(COOKIE, kept.value, domain="localhost", path="/admin")
        return client

    return make
