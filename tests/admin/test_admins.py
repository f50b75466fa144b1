"""Accounts of the panel: sessions, passwords, roles; and always an owner."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.admin import accounts, login, passwords, sessions
from app.admin.models import Admin, AdminSession, Role
from app.audit import Actor
from app.core import clock
from app.core.db import db, run_unit, transaction
from app.core.errors import InvalidInput
from tests.admin.desk import (
    PASSWORD,
    a_colleague,
    acts,
    browser_of,
    fresh,
    make_admin,
    sign_in,
    totp,
    with_factor,
)
from tests.threads import together

NEW = "velvet-harbour-31"


def an_owner(username: str) -> Admin:
    """An owner who could log in, without the time that hashing takes."""
    admin = a_colleague(username, Role.OWNER)
    with transaction():
        db.session.get_one(Admin, admin.id).password_hash = "set"
    return admin


def state(admin: Admin) -> tuple[Role, bool, bool]:
    row = fresh(admin)
    return row.role, row.is_active, row.totp_since is not None


# --- sessions ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131 Safari/537.36 Edg/131",
            "Windows 电脑 · Edge",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel) AppleWebKit/605 Version/18 Safari/605",
            "Mac 电脑 · Safari",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18 like Mac OS X) MicroMessenger/8.0",
            "iPhone · 微信",
        ),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/131 Mobile Safari/537.36", "安卓设备 · Chrome"),
        ("<script>", "未知设备"),
        ("", "未知设备"),
    ],
)
def test_a_device_is_said_in_words(agent, said):
    assert sessions.device_words(agent) == said


def test_sessions_are_listed_and_ended_one_by_one_or_all_others(app, session, client):
    admin = make_admin("boss")
    here = client
    here.post(
        "/admin/login",
        data={"username": "boss", "password": PASSWORD},
        headers={"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/140"},
    )
    second, third = browser_of(app, admin), browser_of(app, admin)
    page = here.get("/admin/account").text
    assert (page.count("Windows 电脑 · Firefox"), page.count("Mac 电脑")) == (1, 2)

    ids = db.session.scalars(sa.select(AdminSession.id).order_by(AdminSession.id)).all()
    assert here.post(f"/admin/account/sessions/{ids[2]}/end").status_code == 303
    assert (second.get("/admin/").status_code, third.get("/admin/").status_code) == (302, 200)
    assert here.post("/admin/account/sessions/end-others").status_code == 303
    assert (third.get("/admin/").status_code, here.get("/admin/").status_code) == (302, 200)


def test_another_persons_session_is_not_found_and_stays(app, session, admin_client):
    other = browser_of(app, a_colleague())
    session_id = db.session.scalar(sa.select(AdminSession.id))

    answer = admin_client("owner").post(f"/admin/account/sessions/{session_id}/end")

    assert answer.status_code == 404
    assert other.get("/admin/").status_code == 200


def test_a_session_ends_after_twelve_hours_however_busy(app, session):
    client = browser_of(app, a_colleague(role=Role.OWNER))
    start = clock.now()

    for hours, status in (
        (1.9, 200),
        (3.8, 200),
        (5.7, 200),
        (7.6, 200),
        (9.5, 200),
        (11.4, 200),
        (12.1, 302),
    ):
        with clock.fixed(start + timedelta(hours=hours)):
            assert client.get("/admin/account").status_code == status


# --- passwords -----------------------------------------------------------------------


def test_a_new_password_wants_the_old_one_and_ends_the_other_sessions(app, session, client):
    admin = make_admin("boss")
    sign_in(client, "boss")
    other = browser_of(app, admin)
    data = {"old": "tangerine-river-89", "password": NEW, "again": NEW}
    before = fresh(admin).password_hash

    refused = client.post("/admin/account/password", data=data)
    assert (refused.status_code, fresh(admin).failed_logins) == (422, 1)
    weak = {"old": PASSWORD, "password": "qwertyuiop[]", "again": "qwertyuiop[]"}
    assert client.post("/admin/account/password", data=weak).status_code == 422
    assert fresh(admin).password_hash == before
    assert other.get("/admin/").status_code == 200

    assert client.post("/admin/account/password", data={**data, "old": PASSWORD}).status_code == 303

    assert other.get("/admin/").status_code == 302
    assert client.get("/admin/").status_code == 200
    assert sign_in(app.test_client(), "boss", PASSWORD).status_code in (401, 403)
    assert passwords.fits(fresh(admin).password_hash, NEW)
    assert len(acts("admin.password")) == 1


@pytest.mark.parametrize(
    "password",
    [
        "1q2w3e4r5t6y",
        "qwertyuiop[]",
        "aaaaaaaaaaaaaa",
        "abcdefghijkl",
        "woaini520131x",
        "x" * 120,
        "boss-velvet-harbour",
    ],
)
def test_passwords_that_others_guess_are_refused(password):
    with pytest.raises(InvalidInput, match="密码过于常见"):
        passwords.check(password, password, "boss")


def test_an_address_that_guesses_waits_whatever_accounts_it_names(session, client, monkeypatch):
    make_admin("boss")
    monkeypatch.setattr(login, "FAILURES_AN_ADDRESS", 2)
    client.environ_base["REMOTE_ADDR"] = "203.0.113.9"

    answers = [sign_in(client, f"nobody{n}", "x").status_code for n in range(3)]

    assert answers == [401, 401, 429]
    assert sign_in(client, "boss").status_code == 429
    client.environ_base["REMOTE_ADDR"] = "203.0.113.10"
    assert sign_in(client, "boss").status_code == 302


# --- accounts ------------------------------------------------------------------------


def test_an_owner_makes_an_account_and_hands_over_its_link(session, admin_client, client):
    owner = admin_client("owner")

    made = owner.post(
        "/admin/admins/new",
        data={
            "username": "lina",
            "name": "李娜",
            "role": "finance",
            "is_active": "0",
            "password_hash": "x",
        },
    )

    path = made.text.split("http://mall.test")[1].split("<")[0].strip()
    row = accounts.by_username("lina")
    assert (row.name, row.role, row.is_active, row.password_hash) == (
        "李娜",
        Role.FINANCE,
        True,
        "",
    )
    assert client.get(path).status_code == 200
    assert acts("admin.create")[-1].actor.startswith("admin:")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"username": "李", "role": "finance"}, "账号应为"),
        ({"username": "lina", "role": "god"}, "请选择角色"),
        ({"username": "taken", "role": "finance"}, "账号已存在"),
        ({"username": "lina", "role": "finance", "name": "长" * 33}, "姓名最多 32 个字"),
    ],
)
def test_a_new_account_is_refused_with_a_reason(session, admin_client, data, says):
    a_colleague("taken")
    client = admin_client("owner")
    before = len(accounts.everybody())

    answer = client.post("/admin/admins/new", data=data)

    assert (answer.status_code, says in answer.text) == (422, True)
    assert len(accounts.everybody()) == before


def test_another_role_ends_the_sessions_and_leaves_before_and_after(app, session, admin_client):
    person = a_colleague(role=Role.FINANCE)
    theirs = browser_of(app, person)
    data = {"role": "support", "seen": "finance"}

    assert (
        admin_client("owner").post(f"/admin/admins/{person.id}/role", data=data).status_code == 303
    )

    assert (fresh(person).role, theirs.get("/admin/").status_code) == (Role.SUPPORT, 302)
    [entry] = acts("admin.role")
    assert (entry.before, entry.after) == ({"role": "finance"}, {"role": "support"})


def test_a_form_of_earlier_is_told_so_and_changes_nothing(session, admin_client):
    person, client = a_colleague(role=Role.FINANCE), admin_client("owner")

    stale = client.post(
        f"/admin/admins/{person.id}/role", data={"role": "owner", "seen": "support"}
    )
    twice = client.post(f"/admin/admins/{person.id}/resume", data={"reason": "回来了"})
    silent = client.post(f"/admin/admins/{person.id}/stop", data={"reason": " "})
    unknown = client.post("/admin/admins/999999/role", data={"role": "owner", "seen": "support"})

    assert [a.status_code for a in (stale, twice, silent, unknown)] == [409, 409, 422, 404]
    assert "刚被其他人修改过" in stale.text
    assert state(person) == (Role.FINANCE, True, False)
    assert acts("admin.role") + acts("admin.active") == []


def test_a_stopped_account_is_out_at_once_until_it_is_resumed(app, session, admin_client):
    person, client = a_colleague(role=Role.FINANCE), admin_client("owner")
    theirs = browser_of(app, person)
    token = run_unit(accounts.renew_setup, person.id, now=clock.now())

    client.post(f"/admin/admins/{person.id}/stop", data={"reason": "离职"})
    assert theirs.get("/admin/").status_code == 302
    assert theirs.get(f"/admin/setup/{token}").status_code == 410
    client.post(f"/admin/admins/{person.id}/resume", data={"reason": "返聘"})

    assert state(person) == (Role.FINANCE, True, False)
    assert [(e.after, e.reason) for e in acts("admin.active")] == [
        ({"is_active": False}, "离职"),
        ({"is_active": True}, "返聘"),
    ]


def test_an_owner_resets_a_lost_phone_with_a_reason(app, session, admin_client):
    person, client = with_factor("lina", Role.FINANCE), admin_client("owner")
    theirs = browser_of(app, person)
    reset = f"/admin/admins/{person.id}/second-factor/reset"

    assert client.post(reset).status_code == 422
    assert state(person) == (Role.FINANCE, True, True)
    assert client.post(reset, data={"reason": "手机丢了"}).status_code == 303
    assert client.post(reset, data={"reason": "手机丢了"}).status_code == 409

    assert state(person) == (Role.FINANCE, True, False)
    assert theirs.get("/admin/").status_code == 302
    assert [e.reason for e in acts("admin.totp_reset")] == ["手机丢了"]


def test_nobody_resets_themselves_by_this_way(app, session):
    boss = with_factor("boss")
    client = browser_of(app, boss, proved=timedelta(0))

    for what in ("second-factor/reset", "link"):
        answer = client.post(f"/admin/admins/{boss.id}/{what}", data={"reason": "x"})
        assert answer.status_code == 409
    assert (state(boss)[2], fresh(boss).setup_token_hash is None) == (True, False)
    assert acts("admin.link") == []


def test_a_link_of_somebody_with_a_second_factor_still_wants_the_code(app, session, client):
    person = with_factor("lina")
    token = run_unit(accounts.renew_setup, person.id, now=clock.now())

    done = client.post(f"/admin/setup/{token}", data={"password": NEW, "again": NEW})

    assert done.headers["Location"] == "/admin/login/code"
    assert client.get("/admin/").status_code == 302
    client.post("/admin/login/code", data={"code": totp(person)})
    assert client.get("/admin/").status_code == 200


def test_unlocking_and_ending_the_sessions_of_somebody(app, session, admin_client):
    person, client = a_colleague(role=Role.FINANCE), admin_client("owner")
    theirs = browser_of(app, person)
    for _ in range(accounts.FAILURES_MAX):
        run_unit(accounts.count_failure, person.username, now=clock.now())

    client.post(f"/admin/admins/{person.id}/unlock")
    client.post(f"/admin/admins/{person.id}/sessions/end")

    assert (fresh(person).locked_until, theirs.get("/admin/").status_code) == (None, 302)
    assert [len(acts(f"admin.{act}")) for act in ("unlock", "sessions_end")] == [1, 1]


# --- always an owner -----------------------------------------------------------------


def test_the_last_owner_who_can_log_in_is_neither_stopped_nor_demoted(app, session):
    boss = an_owner("boss")
    # Neither of these two could log in.
    a_colleague("invited", Role.OWNER)
    stopped = an_owner("stopped")
    with transaction():
        db.session.get_one(Admin, stopped.id).is_active = False
    client = browser_of(app, boss)

    demoted = client.post(
        f"/admin/admins/{boss.id}/role", data={"role": "finance", "seen": "owner"}
    )
    stop = client.post(f"/admin/admins/{boss.id}/stop", data={"reason": "离职"})

    assert [(a.status_code, "至少要保留一位" in a.text) for a in (demoted, stop)] == [
        (409, True)
    ] * 2
    assert state(boss) == (Role.OWNER, True, False)
    assert client.get("/admin/").status_code == 200
    an_owner("second")
    again = client.post(f"/admin/admins/{boss.id}/role", data={"role": "finance", "seen": "owner"})
    assert (again.status_code, state(boss)[0]) == (303, Role.FINANCE)


def test_two_owners_who_demote_each_other_at_once_leave_one(live, app):
    pair = [an_owner("one"), an_owner("two")]
    ids = [admin.id for admin in pair]

    def demote(me: int, other: int):
        actor = Actor.admin(me)
        return lambda: run_unit(
            accounts.change_role, other, Role.SUPPORT, seen=Role.OWNER, actor=actor, now=clock.now()
        )

    got = together(app, [demote(ids[0], ids[1]), demote(ids[1], ids[0])])

    assert sorted(type(result) for result in got if result is not None) == [accounts.NotAllowed]
    db.session.rollback()
    assert sorted(fresh(admin).role for admin in pair) == [Role.OWNER, Role.SUPPORT]


def test_two_owners_who_step_down_at_once_leave_one(live, app):
    ids = [an_owner("one").id, an_owner("two").id]

    def step_down(me: int):
        return lambda: run_unit(
            accounts.set_active,
            me,
            active=False,
            reason="离职",
            actor=Actor.admin(me),
            now=clock.now(),
        )

    got = together(app, [step_down(me) for me in ids])

    assert [type(result) for result in got if result is not None] == [accounts.LastOwner]
    db.session.rollback()
    assert sum(row.is_active for row in accounts.everybody()) == 1
