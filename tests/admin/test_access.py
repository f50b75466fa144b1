"""Who may open what: every view names its permission, and it holds."""

import html
import re

import pytest
import sqlalchemy as sa
from flask import url_for

from app.admin.models import ROLE_PERMISSIONS, Admin, Permission, Role
from app.core.db import db, transaction
from app.orders import OrderStatus
from app.withdrawals import WithdrawalStatus
from tests.admin.desk import acts, fill, fresh

pytestmark = pytest.mark.other_engine

PUBLIC = {
    "admin.login",
    "admin.log_in",
    "admin.login_code",
    "admin.log_in_code",
    "admin.logout",
    "admin.setup",
    "admin.set_up",
}
# By POST because it is work, or leaves a trace; nothing of the shop's changes.
HARMLESS = {
    "admin.ledger_verify_run",
    "admin.audit_export",
    "admin.list_export",
    "admin.export_cancel",
}
# Only of somebody's own, of which a new admin has none.
OWN = {
    "admin.export_file",
    "admin.own_mail_confirm",
    "admin.report_subscription",
    "admin.report_subscription_edit",
    "admin.report_inbox_file",
}


def admin_rules(app):
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("admin.")]


def address(app, rule, desk) -> str:
    values = desk.values()
    values["number"] = desk.order.number
    by_part = {"withdrawals": desk.withdrawal, "payout-batches": desk.payout[0]}
    for part, row in (by_part | {"aftersales": desk.aftersale}).items():
        if part in rule.rule:
            values["number"] = row.number
    with app.test_request_context(base_url="http://mall.test"):
        return url_for(rule.endpoint, **{name: values[name] for name in rule.arguments})


def test_every_admin_view_names_its_permission(app):
    nameless = [
        rule.endpoint
        for rule in admin_rules(app)
        if not hasattr(app.view_functions[rule.endpoint], "permission")
    ]
    public = {
        rule.endpoint
        for rule in admin_rules(app)
        if getattr(app.view_functions[rule.endpoint], "permission", "none") is None
    }

    assert nameless == []
    assert public == PUBLIC


def test_whatever_changes_something_asks_for_more_than_looking(app):
    for rule in admin_rules(app):
        permission = app.view_functions[rule.endpoint].permission
        if "POST" not in rule.methods or permission is None:
            continue
        if rule.endpoint in HARMLESS or permission is Permission.OWN_ACCOUNT:
            continue

        assert permission not in ROLE_PERMISSIONS[Role.AUDITOR], rule.endpoint


def test_every_list_opens_on_an_empty_desk(app, session, admin_client):
    client = admin_client("owner")

    for rule in admin_rules(app):
        if "GET" in rule.methods and not rule.arguments and rule.endpoint not in PUBLIC:
            assert client.get(rule.rule).status_code == 200, rule.rule


def test_without_a_login_pages_lead_to_it_and_changes_do_nothing(app, session, client):
    desk = fill()

    for rule in admin_rules(app):
        if rule.endpoint in PUBLIC:
            continue
        method = "GET" if "GET" in rule.methods else "POST"
        answer = client.open(address(app, rule, desk), method=method)
        assert answer.status_code in (302, 303), rule.rule
        assert answer.headers["Location"].startswith("/admin/login"), rule.rule

    assert fresh(desk.order).status is OrderStatus.PAID
    assert fresh(desk.withdrawal).status is WithdrawalStatus.SUBMITTED


def test_a_script_without_a_login_is_told_in_json(app, session, client):
    answer = client.post("/admin/ledger/verify", headers={"Accept": "application/json"})

    assert (answer.status_code, answer.json["code"]) == (401, "login")


@pytest.mark.parametrize("role", list(Role))
def test_each_role_gets_exactly_what_its_permissions_name(app, session, admin_client, role):
    desk = fill()
    client = admin_client(role.value)
    reached = app.url_map.bind("mall.test")
    links = set()

    for rule in admin_rules(app):
        if "GET" not in rule.methods or rule.endpoint in PUBLIC | OWN:
            continue
        permission = app.view_functions[rule.endpoint].permission
        expected = 200 if permission in ROLE_PERMISSIONS[role] else 403
        page = client.get(address(app, rule, desk))
        assert page.status_code == expected, rule.rule
        links |= links_of(page)
    # Nor is anybody led where they may not go.
    offered = {link: reached.match(link.partition("?")[0])[0] for link in links}
    assert {
        link
        for link, endpoint in offered.items()
        if app.view_functions[endpoint].permission not in {None, *ROLE_PERMISSIONS[role]}
    } == set()


def test_an_auditor_changes_nothing(app, session, admin_client):
    desk = fill()
    client = admin_client("auditor")
    before = len(db.session.scalars(sa.text("SELECT id FROM audit_entries")).all())

    for rule in admin_rules(app):
        own = app.view_functions[rule.endpoint].permission is Permission.OWN_ACCOUNT
        if "POST" in rule.methods and not own and rule.endpoint not in PUBLIC | HARMLESS:
            assert client.post(address(app, rule, desk)).status_code == 403, rule.rule

    assert fresh(desk.order).status is OrderStatus.PAID
    assert fresh(desk.withdrawal).status is WithdrawalStatus.SUBMITTED
    assert fresh(desk.oddity).resolved_at is None
    assert len(db.session.scalars(sa.text("SELECT id FROM audit_entries")).all()) == before


def test_a_role_taken_away_counts_at_the_next_request(session, admin_client):
    client = admin_client("owner")
    assert client.get("/admin/settings").status_code == 200

    with transaction():
        db.session.execute(sa.select(Admin)).scalars().one().role = Role.OPERATIONS

    assert client.get("/admin/settings").status_code == 403


def test_the_left_bar_shows_only_what_may_be_opened(session, admin_client):
    page = admin_client("operations").get("/admin/").text

    assert "/admin/orders" in page
    assert "/admin/ledger" not in page
    assert "/admin/settings" not in page


def test_a_foreign_page_cannot_change_anything(session, admin_client):
    desk = fill()
    client = admin_client("owner")

    answer = client.post(
        f"/admin/withdrawals/{desk.withdrawal.number}/approve",
        headers={"Origin": "https://elsewhere.example"},
    )

    assert answer.status_code == 403
    assert fresh(desk.withdrawal).status is WithdrawalStatus.SUBMITTED
    mine = desk.withdrawal.id
    assert [act for act in acts("withdrawal.approve") if act.subject_id == mine] == []


def test_permissions_of_roles_are_of_the_known_ones():
    assert ROLE_PERMISSIONS[Role.OWNER] == frozenset(Permission)


def links_of(page) -> set[str]:
    if page.mimetype != "text/html":
        return set()
    found = re.findall(r'href="(/admin[^"]*)"', page.text)
    return {html.unescape(link).split("#")[0] for link in found}


def test_no_page_offers_a_link_that_leads_nowhere(app, session, admin_client):
    desk = fill()
    client = admin_client("owner")
    pages = [
        client.get(address(app, rule, desk))
        for rule in admin_rules(app)
        if "GET" in rule.methods and rule.endpoint not in PUBLIC
    ]

    # One of each shape: another row's link is made by the same words.
    reached = app.url_map.bind("mall.test")
    shapes = {}
    for link in sorted(set().union(*map(links_of, pages))):
        path, _, query = link.partition("?")
        shapes.setdefault((reached.match(path)[0], query), link)
    links = shapes.values()

    assert {link: client.get(link).status_code for link in links} == dict.fromkeys(links, 200)
