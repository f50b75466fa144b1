"""/r/<code>: who it binds, whom it does not, and where it leads."""

import pytest
import sqlalchemy as sa

from app import members
from app.core.db import db
from app.distribution import AttemptResult, BindingAttempt
from tests.factories import code_of, make_distributor, make_member


def attempts() -> list[AttemptResult]:
    return list(db.session.scalars(sa.select(BindingAttempt.result).order_by(BindingAttempt.id)))


def test_a_code_binds_whoever_comes_by_it(session, client, log_in):
    owner, visitor = make_distributor("陈梅"), make_member()
    log_in(client, visitor)

    answer = client.get(f"/r/{code_of(owner)}")

    assert (answer.status_code, answer.location) == (302, "/")
    assert members.get(visitor.id).upline1_id == owner.id
    assert attempts() == [AttemptResult.BOUND]


@pytest.mark.parametrize("code", ["FORGED99", "' OR 1=1 --", "x" * 300, "%00", "林杰"])
def test_a_forged_code_binds_nobody_and_the_page_still_opens(session, client, log_in, code):
    make_distributor("陈梅")
    visitor = make_member()
    log_in(client, visitor)

    page = client.get(f"/r/{code}", follow_redirects=True)

    assert page.status_code == 200
    assert page.request.path == "/"
    assert members.get(visitor.id).upline1_id is None
    assert attempts() == [AttemptResult.UNKNOWN_CODE]


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "/admin",
        "/wechat/oauth/callback",
        "/%0d%0aSet-Cookie:x",
    ],
)
def test_a_link_leads_nowhere_but_into_the_mall(session, client, log_in, target):
    owner, visitor = make_distributor(), make_member()
    log_in(client, visitor)

    answer = client.get(f"/r/{code_of(owner)}", query_string={"to": target})

    assert answer.status_code == 302
    assert answer.location in ("/", "/%0d%0aSet-Cookie:x")
    assert "evil" not in answer.location


def test_a_visitor_who_is_not_known_yet_is_bound_at_the_first_login(session, client):
    owner = make_distributor()
    with client.session_transaction() as kept:
        kept["login_failed"] = True

    client.get(f"/r/{code_of(owner)}")

    with client.session_transaction() as kept:
        assert kept["referral"] == code_of(owner)
    assert attempts() == []
