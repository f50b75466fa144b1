"""Logging in: one answer for every refusal, a limit in the database, safe ways back."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.admin import accounts
from app.admin import sessions as sessions_of
from app.admin.models import Admin, AdminSession, Role
from app.core import clock
from app.core.db import db, run_unit, transaction
from tests.admin.desk import PASSWORD, acts, fresh, make_admin, sign_in

REFUSED = accounts.LoginRefused.message


def sessions() -> int:
    return db.session.execute(sa.select(sa.func.count()).select_from(AdminSession)).scalar_one()


def test_the_right_password_opens_the_panel(session, client):
    make_admin("boss")

    answer = sign_in(client, "boss")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("mall_admin=")
    assert "HttpOnly" in cookie
    assert "Path=/admin" in cookie
    assert "SameSite=Lax" in cookie
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    ("username", "password"), [("boss", "wrong-password-1"), ("nobody", PASSWORD), ("", "")]
)
def test_every_refusal_says_the_same_and_opens_nothing(session, client, username, password):
    make_admin("boss")
    before = sessions()

    answer = sign_in(client, username, password)

    assert answer.status_code == 401
    assert REFUSED in answer.text
    assert "Set-Cookie" not in answer.headers
    assert sessions() == before


def test_an_inactive_admin_is_refused_like_a_wrong_password(session, client):
    admin = make_admin("boss")
    with transaction():
        db.session.get_one(Admin, admin.id).is_active = False

    assert sign_in(client, "boss").status_code == 401


def test_five_failures_lock_the_account_for_a_while(session, client):
    admin = make_admin("boss")
    now = clock.now()

    for _ in range(accounts.FAILURES_MAX):
        assert sign_in(client, "boss", "wrong-password-1").status_code == 401

    assert sign_in(client, "boss").status_code == 401
    assert fresh(admin).locked_until > now
    with clock.fixed(now + accounts.LOCKED_FOR + timedelta(minutes=1)):
        assert sign_in(client, "boss").status_code == 302


def test_a_login_starts_the_count_of_failures_anew(session, client):
    admin = make_admin("boss")
    for _ in range(accounts.FAILURES_MAX - 1):
        sign_in(client, "boss", "wrong-password-1")

    sign_in(client, "boss")

    assert fresh(admin).failed_logins == 0


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [
        ("/admin/orders", "/admin/orders"),
        ("/admin/orders?state=paid", "/admin/orders?state=paid"),
        ("/admin", "/admin"),
        ("/", "/admin/"),
        ("/administrator", "/admin/"),
        ("https://elsewhere.example/admin/", "/admin/"),
        ("//elsewhere.example/admin/", "/admin/"),
        ("/\\elsewhere.example/admin", "/admin/"),
        ("/admin/../me", "/admin/"),
        ("/admin/\r\nSet-Cookie: a=b", "/admin/"),
        ("javascript:alert(1)", "/admin/"),
    ],
)
def test_after_login_only_pages_of_the_panel_follow(session, client, wanted, led_to):
    make_admin("boss")

    assert sign_in(client, "boss", next=wanted).headers["Location"] == led_to


def test_logging_out_ends_the_session_itself(session, client):
    make_admin("boss")
    sign_in(client, "boss")
    token = client.get_cookie("mall_admin", domain="localhost", path="/admin").value

    assert client.post("/admin/logout").headers["Location"] == "/admin/login"

    client.set_cookie("mall_admin", token, domain="localhost", path="/admin")
    assert client.get("/admin/").status_code == 302


def test_an_idle_session_ends(session, client):
    make_admin("boss")
    sign_in(client, "boss")

    with clock.fixed(clock.now() + sessions_of.IDLE + timedelta(minutes=1)):
        assert client.get("/admin/").status_code == 302


def test_the_set_up_link_makes_the_first_password_once(session, client):
    token = run_unit(accounts.create, "boss", role=Role.OWNER, now=clock.now())
    assert client.get(f"/admin/setup/{token}").status_code == 200

    answer = client.post(f"/admin/setup/{token}", data={"password": PASSWORD, "again": PASSWORD})

    assert answer.headers["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
    assert client.get(f"/admin/setup/{token}").status_code == 410
    assert [entry.subject for entry in acts("admin.set_up")] == ["admin"]


@pytest.mark.parametrize(
    ("password", "again", "says"),
    [
        ("short", "short", "密码至少 12 位"),
        ("password123456", "password123456", "密码过于常见"),
        ("boss-of-the-shop", "boss-of-the-shop", "密码过于常见"),
        (PASSWORD, PASSWORD + "x", "两次输入的密码不一致"),
    ],
)
def test_a_password_that_is_refused_is_said_at_its_field(session, client, password, again, says):
    token = run_unit(accounts.create, "boss", role=Role.OWNER, now=clock.now())

    answer = client.post(f"/admin/setup/{token}", data={"password": password, "again": again})

    assert answer.status_code == 422
    assert says in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert accounts.by_username("boss").password_hash == ""


def test_an_unknown_set_up_link_is_gone(session, client):
    assert client.get("/admin/setup/nonsense").status_code == 410
