"""The second factor: enrolled by a code, asked at login, fresh before what matters."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pyotp
import pytest
import sqlalchemy as sa

from app import settings
from app.admin import accounts, second_factor, sessions
from app.admin.models import FRESH, Admin, AdminRecoveryCode, AdminSession, Permission, Role
from app.core import clock
from app.core.db import db, run_unit, transaction
from app.core.errors import InvalidInput
from app.withdrawals import WithdrawalStatus
from tests.admin.desk import (
    PASSWORD,
    a_colleague,
    acts,
    browser_of,
    fill,
    fresh,
    make_admin,
    sign_in,
    totp,
    with_factor,
)
from tests.admin.test_access import address, admin_rules
from tests.factories import SYSTEM
from tests.threads import together

OWN = "/admin/account/second-factor"
WRONG = "000000"


@pytest.fixture(autouse=True)
def _one_half_minute() -> Iterator[None]:
    """The clock stands: a code of "now" stays that of now until the test ends."""
    with clock.fixed(clock.now()):
        yield


def wrong(admin: Admin) -> str:
    """Six digits that are no code of about now."""
    taken = {totp(admin, steps) for steps in (-1, 0, 1)}
    return next(code for code in ("000000", "111111", "222222", "333333") if code not in taken)


def live_sessions(admin: Admin) -> int:
    db.session.rollback()
    return len(sessions.of_admin(admin.id, now=clock.now()))


def test_enrolling_by_hand_then_logging_in_with_a_code_and_a_recovery_code(app, session, client):
    admin = make_admin("boss")
    sign_in(client, "boss")
    other = browser_of(app, admin)

    assert client.post(f"{OWN}/begin", data={"password": PASSWORD}).headers["Location"] == OWN
    page = client.get(OWN).text
    key = re.search(r'factor-key">([A-Z2-7 ]+)<', page).group(1).replace(" ", "")
    assert "data:image/png;base64," in page
    assert fresh(admin).totp_secret == key
    stored = db.session.scalar(sa.text("SELECT totp_secret FROM admins WHERE username = 'boss'"))
    assert key not in stored

    refused = client.post(f"{OWN}/confirm", data={"code": wrong(admin)})
    assert (refused.status_code, fresh(admin).totp_since) == (422, None)
    done = client.post(f"{OWN}/confirm", data={"code": totp(admin)})
    codes = re.findall(r"<li>([A-Z2-7]{5}-[A-Z2-7]{5})</li>", done.text)
    assert (len(codes), len(set(codes))) == (10, 10)
    assert codes[0] not in client.get(OWN).text
    assert other.get("/admin/").status_code == 302
    assert client.get("/admin/").status_code == 200

    client.post("/admin/logout")
    halfway = sign_in(client, "boss", next="/admin/orders")
    assert halfway.headers["Location"] == "/admin/login/code?next=/admin/orders"
    assert client.get("/admin/orders").status_code == 302
    # The code of the enrolment is used up; the next one is good.
    used = client.post("/admin/login/code", data={"code": totp(admin)})
    assert (used.status_code, "已使用过" in used.text) == (401, True)
    inside = client.post(
        "/admin/login/code", data={"code": totp(admin, 1), "next": "/admin/orders"}
    )
    assert inside.headers["Location"] == "/admin/orders"
    assert client.get("/admin/orders").status_code == 200

    for expected in (303, 401):
        client.post("/admin/logout")
        sign_in(client, "boss")
        answer = client.post("/admin/login/code", data={"code": codes[3].lower()})
        assert answer.status_code == expected
    assert second_factor.recovery_codes_left(admin.id) == 9
    assert [len(acts(f"admin.{act}")) for act in ("totp_on", "recovery_used")] == [1, 1]


def test_enrolling_wants_the_password(session, client):
    admin = make_admin("boss")
    sign_in(client, "boss")

    answer = client.post(f"{OWN}/begin", data={"password": "tangerine-river-89"})

    assert (answer.status_code, fresh(admin).totp_secret) == (422, None)
    assert fresh(admin).failed_logins == 1


def test_the_second_step_is_gone_after_five_minutes_and_for_strangers(session, client):
    admin = make_admin("boss")
    with transaction():
        row = db.session.get_one(Admin, admin.id)
        row.totp_secret, row.totp_since = pyotp.random_base32(), clock.now()
    assert client.post("/admin/login/code", data={"code": totp(admin)}).status_code == 303

    sign_in(client, "boss")
    with clock.fixed(clock.now() + sessions.HALF_OPEN_LASTS + timedelta(seconds=1)):
        late = client.post("/admin/login/code", data={"code": totp(admin)})

    assert late.headers["Location"] == "/admin/login"
    assert live_sessions(admin) == 1  # That of the set-up page.


def test_five_wrong_codes_lock_the_account_and_passwords_do_not_reset_the_count(session, client):
    admin = make_admin("boss")
    with transaction():
        row = db.session.get_one(Admin, admin.id)
        row.totp_secret, row.totp_since = pyotp.random_base32(), clock.now()

    for _ in range(accounts.FAILURES_MAX):
        sign_in(client, "boss")
        assert client.post("/admin/login/code", data={"code": wrong(admin)}).status_code == 401

    assert fresh(admin).locked_until > clock.now()
    assert sign_in(client, "boss").status_code == 401
    assert client.post("/admin/login/code", data={"code": totp(admin)}).status_code == 303
    assert live_sessions(admin) == 1  # That of the set-up page.


def test_a_locked_account_is_not_kept_locked_by_more_guesses(session):
    admin = a_colleague()
    for _ in range(accounts.FAILURES_MAX):
        run_unit(accounts.count_failure, admin.username, now=clock.now())
    until = fresh(admin).locked_until

    with clock.fixed(clock.now() + timedelta(minutes=5)):
        run_unit(accounts.count_failure, admin.username, now=clock.now())

    assert (fresh(admin).locked_until, fresh(admin).failed_logins) == (until, 0)


def test_codes_of_the_neighbouring_steps_count_once_and_older_ones_never(session):
    admin = with_factor("boss")

    def good(steps: int) -> bool:
        code, now = totp(admin, steps), clock.now()
        return run_unit(second_factor.prove, admin.id, code, address="", now=now)

    with clock.fixed(clock.now()):
        assert [good(steps) for steps in (-2, 2, -1, -1, 1, 0, 1)] == [
            False,
            False,
            True,
            False,
            True,
            False,
            False,
        ]


def test_one_code_given_twice_at_once_is_good_once(live, app):
    admin = with_factor("boss")
    code, now = totp(admin), clock.now()

    got = together(
        app,
        [lambda: run_unit(second_factor.prove, admin.id, code, address="", now=now)] * 4,
    )

    assert sorted(got) == [False, False, False, True]


def test_a_form_that_needs_a_fresh_code_keeps_what_was_typed(app, session):
    admin = with_factor("boss")
    client = browser_of(app, admin)
    typed = {"value": '12"<3', "ids": ["1", "2"]}

    asked = client.post("/admin/settings/withdraw.min_fen?x=1", data=typed)

    assert asked.status_code == 403
    assert 'action="/admin/settings/withdraw.min_fen?x=1"' in asked.text
    assert 'name="value" value="12&#34;&lt;3"' in asked.text
    assert re.findall(r'name="ids" value="(\d)"', asked.text) == ["1", "2"]
    assert acts("settings.change") == []

    data = {"value": "20.00", "fresh_code": wrong(admin)}
    assert client.post("/admin/settings/withdraw.min_fen", data=data).status_code == 403
    assert settings.value(settings.registry.WITHDRAW_MIN_FEN) != 20_00
    data["fresh_code"] = totp(admin)
    assert client.post("/admin/settings/withdraw.min_fen", data=data).status_code == 302
    assert settings.value(settings.registry.WITHDRAW_MIN_FEN) == 20_00
    # And not again for ten minutes.
    again = {"value": "21.00"}
    assert client.post("/admin/settings/withdraw.min_fen", data=again).status_code == 302


def test_a_page_that_needs_a_fresh_code_comes_after_it(app, session):
    admin = with_factor("boss")
    client = browser_of(app, admin)

    asked = client.get("/admin/admins/new")
    assert (asked.status_code, 'name="next" value="/admin/admins/new"' in asked.text) == (403, True)
    data = {"fresh_code": totp(admin), "next": "/admin/admins/new"}
    assert client.post("/admin/account/prove", data=data).headers["Location"] == "/admin/admins/new"
    assert client.get("/admin/admins/new").status_code == 200


def test_every_route_with_such_a_permission_asks(app, session):
    desk = fill()
    stale = timedelta(minutes=11)
    client = browser_of(app, with_factor("boss"), proved=stale)
    changes = len(acts("settings.change"))
    asked = set()

    for rule in admin_rules(app):
        permission = app.view_functions[rule.endpoint].permission
        if permission not in FRESH:
            continue
        for method in rule.methods & {"GET", "POST"}:
            answer = client.open(address(app, rule, desk), method=method)
            assert (answer.status_code, "输入验证码" in answer.text) == (403, True), rule.rule
            asked.add(permission)
    script = client.post("/admin/settings/shop.name", headers={"Accept": "application/json"})

    # A file is only personal where its columns are: tests of exports ask for it.
    assert asked == FRESH - {Permission.PERSONAL_DATA_EXPORT}
    assert (script.status_code, script.json["code"]) == (403, "fresh_code")
    assert fresh(desk.withdrawal).status is WithdrawalStatus.SUBMITTED
    assert len(acts("settings.change")) == changes


def test_a_code_of_nine_minutes_ago_is_fresh_and_pages_to_look_at_ask_for_none(app, session):
    admin = with_factor("boss")

    assert (
        browser_of(app, admin, proved=timedelta(minutes=9)).get("/admin/admins/new").status_code
        == 200
    )
    for page in ("/admin/", "/admin/settings", "/admin/admins", "/admin/account"):
        assert browser_of(app, admin).get(page).status_code == 200


def test_who_guesses_codes_in_a_session_loses_it(app, session):
    admin = with_factor("boss")
    client, other = browser_of(app, admin), browser_of(app, admin)
    data = {"value": "9", "fresh_code": wrong(admin)}

    answers = [
        client.post("/admin/settings/withdraw.min_fen", data=data).status_code
        for _ in range(accounts.FAILURES_MAX)
    ]

    assert answers == [403, 403, 403, 403, 303]
    assert client.get("/admin/").status_code == 302
    assert other.get("/admin/").status_code == 200


def test_turning_it_off_wants_a_code_and_ends_the_other_sessions(app, session):
    admin = with_factor("boss")
    client, other = browser_of(app, admin), browser_of(app, admin)

    assert client.post(f"{OWN}/off", data={"code": wrong(admin)}).status_code == 422
    assert fresh(admin).totp_since is not None
    assert client.post(f"{OWN}/off", data={"code": totp(admin)}).status_code == 303

    assert (fresh(admin).totp_secret, fresh(admin).totp_since) == (None, None)
    assert other.get("/admin/").status_code == 302
    assert client.get("/admin/").status_code == 200
    assert len(acts("admin.totp_off")) == 1


def test_new_recovery_codes_make_the_old_ones_void(app, session):
    admin = with_factor("boss")
    client = browser_of(app, admin)
    first = client.post(f"{OWN}/codes", data={"code": totp(admin)}).text
    old = re.search(r"<li>([A-Z2-7]{5}-[A-Z2-7]{5})</li>", first).group(1)

    client.post(f"{OWN}/codes", data={"code": totp(admin, 1)})

    assert not run_unit(second_factor.prove, admin.id, old, address="", now=clock.now())
    count = sa.select(sa.func.count()).select_from(AdminRecoveryCode)
    assert db.session.scalar(count) == 10


def test_who_must_have_one_does_nothing_before(app, session, admin_client):
    client = admin_client("owner")
    run_unit(settings.change, "admin.second_factor", "trusted", actor=SYSTEM, now=clock.now())

    assert client.get("/admin/").headers["Location"] == OWN
    data = {"value": "9.00"}
    assert client.post("/admin/settings/withdraw.min_fen", data=data).headers["Location"] == OWN
    assert settings.value(settings.registry.WITHDRAW_MIN_FEN) != 9_00
    for page in (OWN, "/admin/account", "/admin/account/password"):
        assert client.get(page).status_code == 200
    assert admin_client("operations").get("/admin/").status_code == 200
    enrolled = with_factor("boss")
    off = browser_of(app, enrolled).post(f"{OWN}/off", data={"code": totp(enrolled)})
    assert (off.status_code, fresh(enrolled).totp_since is None) == (409, False)


@pytest.mark.parametrize(
    ("rule", "role", "is_production", "required"),
    [
        ("auto", Role.OWNER, True, True),
        ("auto", Role.FINANCE, True, True),
        ("auto", Role.SUPPORT, True, False),
        ("auto", Role.OWNER, False, False),
        ("trusted", Role.FINANCE, False, True),
        ("trusted", Role.OPERATIONS, False, False),
        ("all", Role.AUDITOR, False, True),
        ("none", Role.OWNER, True, False),
    ],
)
def test_the_setting_says_who_must_have_one(rule, role, is_production, required):
    assert second_factor.is_required(rule, role, is_production=is_production) is required


def test_confirming_what_was_not_begun_is_refused(session):
    admin = a_colleague()
    with pytest.raises(second_factor.NotPending), transaction():
        second_factor.confirm(admin.id, WRONG, session_id=0, address="", now=clock.now())
    run_unit(second_factor.begin, admin.id)
    with pytest.raises(InvalidInput), transaction():
        second_factor.confirm(admin.id, wrong(admin), session_id=0, address="", now=clock.now())
    assert fresh(admin).totp_since is None
    assert db.session.scalar(sa.select(sa.func.count()).select_from(AdminSession)) == 0


def test_the_command_lets_an_owner_in_again_who_lost_everything(app, session, client):
    admin = with_factor("boss")
    for _ in range(accounts.FAILURES_MAX):
        run_unit(accounts.count_failure, "boss", now=clock.now())
    run = app.test_cli_runner().invoke

    assert run(args=["admin", "recover", "nobody", "--reason", "x"]).exit_code == 1
    printed = run(args=["admin", "recover", "boss", "--reason", "手机丢了"]).output

    row = fresh(admin)
    assert (row.totp_secret, row.totp_since, row.locked_until) == (None, None, None)
    assert client.get(printed.strip().removeprefix("http://mall.test")).status_code == 200
    assert [(e.actor, e.reason) for e in acts("admin.totp_reset")] == [("system:cli", "手机丢了")]
