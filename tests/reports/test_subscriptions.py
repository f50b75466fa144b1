"""Reports that come by themselves: when, about which days, to whom, once."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.admin import accounts
from app.admin.models import Admin, Role
from app.core import mail
from app.core.db import db, run_unit, transaction
from app.core.errors import InvalidInput
from app.core.mail import MailFailed
from app.notices import Notice
from app.reports import subscriptions
from app.reports.boards import REPORTS, Compare, Span, files
from app.reports.exports import FileFormat
from app.reports.subscriptions import (
    Cadence,
    DeliveryState,
    MayNotSee,
    Period,
    ReportDelivery,
    ReportSubscription,
    SmtpMailer,
    Wanted,
    schedule,
    sending,
)
from tests.admin.desk import acts
from tests.factories import SYSTEM, make_member, make_sku, paid_order
from tests.reports import postman

# 22 November 2026 is a Sunday; 9:00 in Shanghai is 1:00 UTC.
NINE = datetime(2026, 11, 22, 1, tzinfo=UTC)
BEFORE = NINE - timedelta(hours=3)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("cadence", "on_day", "since", "now", "turns"),
    [
        (Cadence.DAILY, 0, BEFORE, NINE - timedelta(seconds=1), []),
        (Cadence.DAILY, 0, BEFORE, NINE, [22]),
        (Cadence.DAILY, 0, NINE, NINE + DAY / 2, []),
        # The scheduler was away: missed turns come late, a week of them at most.
        (Cadence.DAILY, 0, BEFORE - 2 * DAY, NINE, [20, 21, 22]),
        (Cadence.DAILY, 0, BEFORE - 40 * DAY, NINE, [16, 17, 18, 19, 20, 21, 22]),
        (Cadence.WEEKLY, 6, BEFORE, NINE, [22]),
        (Cadence.WEEKLY, 0, BEFORE, NINE + DAY, [23]),
        (Cadence.WEEKLY, 0, BEFORE, NINE, []),
        (Cadence.MONTHLY, 22, BEFORE, NINE, [22]),
        (Cadence.MONTHLY, 31, BEFORE, NINE + 8 * DAY, [30]),
        (Cadence.MONTHLY, 1, BEFORE, NINE + 8 * DAY, []),
    ],
)
def test_turns_come_on_their_day_and_hour_in_shanghai(cadence, on_day, since, now, turns):
    found = schedule.turns(cadence, on_day, 9, since=since, now=now)

    assert found == [date(2026, 11, day) for day in turns]


@pytest.mark.parametrize(
    ("period", "turn", "first", "last"),
    [
        (Period.YESTERDAY, date(2026, 11, 22), date(2026, 11, 21), date(2026, 11, 21)),
        (Period.WEEK, date(2026, 11, 22), date(2026, 11, 15), date(2026, 11, 21)),
        (Period.MONTH, date(2026, 11, 22), date(2026, 11, 1), date(2026, 11, 21)),
        # On the first, the month up to the day before is the one that ended.
        (Period.MONTH, date(2026, 11, 1), date(2026, 10, 1), date(2026, 10, 31)),
        (Period.LAST_MONTH, date(2026, 3, 31), date(2026, 2, 1), date(2026, 2, 28)),
        (Period.YEAR, date(2026, 1, 1), date(2025, 1, 1), date(2025, 12, 31)),
    ],
)
def test_a_report_is_about_whole_days(period, turn, first, last):
    assert schedule.span_of(period, turn, Compare.NONE) == Span(first, last, Compare.NONE)


@pytest.fixture(scope="module")
def server():
    with postman.serving() as found:
        yield found


@pytest.fixture
def post(server):
    server.letters.clear()
    server.data, server.rcpt = b"250 kept", b"250 fine"
    return server


def an_admin(name, role=Role.OWNER, email="", member_id=None):
    with transaction():
        accounts.create(name, role=role, name=name, now=BEFORE)
        row = db.session.scalars(sa.select(Admin).filter_by(username=name)).one()
        row.email, row.member_id = email or None, member_id
    return row


def subscribed(admin, *recipients, now=BEFORE, **given):
    usual = {
        "report": "sales",
        "period": "1",
        "compare": "previous",
        "cadence": "daily",
        "on_day": 0,
        "hour": 9,
        "content": "csv",
        "ways": ["mail"],
        "recipients": [one.id for one in recipients or (admin,)],
    }
    wanted = Wanted(**{**usual, **given})
    return run_unit(subscriptions.save, None, wanted, admin_id=admin.id, actor=SYSTEM, now=now)


def work(now, post, **account):
    """What the job does: plan, then send what is due; what came of each."""
    sending.plan_due(now)
    mailer = SmtpMailer(post.account(**account))
    link = lambda report, span: f"http://mall.test/{report}/{span.first}"  # noqa: E731
    due = sending.due(now)
    db.session.rollback()
    return [sending.send(row, mailer=mailer, link=link, now=now) for row in due]


def deliveries():
    db.session.rollback()
    return db.session.scalars(sa.select(ReportDelivery).order_by(ReportDelivery.id)).all()


def test_a_turn_is_sent_once_with_the_table_that_the_panel_exports(session, post):
    sold = paid_order(make_member("王芳"), make_sku(), now=NINE - DAY)
    lin = an_admin("lin", email="lin@example.com")
    subscribed(lin)

    assert work(NINE, post) == ["delivered"]
    assert work(NINE + timedelta(minutes=1), post) == []

    [letter] = post.letters
    assert letter["Subject"].endswith("销售报表（2026-11-21 至 2026-11-21）")
    assert (letter["To"], letter["From"]) == ("lin@example.com", f"云集好物 <{postman.USER}>")
    [row] = deliveries()
    assert letter["Message-ID"] == f"<report.{row.id}.2026-11-22@example.com>"
    assert [part.get_content_type() for part in letter.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/csv",
    ]
    plain = letter.get_body(("plain",)).get_content()
    assert f"成交额：¥{sold.payable_fen / 100:.2f}（对比期 ¥0.00）" in plain
    assert "http://mall.test/sales/2026-11-21" in plain
    assert "<b>1</b>" in letter.get_body(("html",)).get_content()
    [file] = letter.iter_attachments()
    assert file.get_filename() == "每日成交-20261121-20261121.csv"
    board = REPORTS["sales"].make(Span(row.first, row.last, Compare.PREVIOUS), NINE)
    assert file.get_payload(decode=True) == files.content_of(board.blocks[0], FileFormat.CSV)
    assert (row.state, row.tries, row.sent_at, row.made_at) == (
        DeliveryState.DELIVERED,
        1,
        NINE,
        NINE,
    )
    assert [act.after["report"] for act in acts("report.subscribe")] == ["销售"]


def test_a_server_that_fails_leaves_it_for_later_and_the_panel_has_it(session, post):
    lin = an_admin("lin", email="lin@example.com")
    subscribed(lin, content="summary")
    post.data = b"451 come back, lin@example.com"

    assert work(NINE, post) == ["failed"]
    assert work(NINE + timedelta(seconds=59), post) == []

    [row] = deliveries()
    assert (row.state, row.tries, row.error) == (
        DeliveryState.WAITING,
        1,
        "邮件服务器没有接受这封邮件（451）",
    )
    assert row.due_at == NINE + timedelta(minutes=1)
    assert subscriptions.unread_count(lin.id) == 1
    post.data = b"250 kept"
    assert work(NINE + timedelta(minutes=1), post) == ["delivered"]
    [row] = deliveries()
    assert (row.tries, row.error, row.made_at, len(post.letters)) == (2, "", NINE, 1)
    assert list(post.letters[0].iter_attachments()) == []


def test_it_is_given_up_after_half_a_day(session, post):
    subscribed(an_admin("lin", email="lin@example.com"))
    post.data = b"451 later"
    now, seen = NINE, work(NINE, post)

    while seen[-1] == "failed":
        [row] = deliveries()
        now = row.due_at
        mailer = SmtpMailer(post.account())
        seen.append(sending.send(row.id, mailer=mailer, link=lambda *_: "", now=now))

    assert seen == ["failed"] * 7 + ["given_up"]
    assert now - NINE == timedelta(hours=12, minutes=36)
    assert deliveries()[0].state is DeliveryState.FAILED


@pytest.mark.parametrize(
    ("answers", "account", "said", "is_final"),
    [
        ({"rcpt": b"550 nobody"}, {}, "收件地址被邮件服务器拒绝（550）", True),
        ({"rcpt": b"450 busy"}, {}, "收件地址被邮件服务器拒绝（450）", False),
        ({"data": b"552 too big"}, {}, "邮件服务器没有接受这封邮件（552）", True),
        ({}, {"password": "wrong"}, "发信邮箱登录失败，请核对邮箱账号和授权码", False),
        ({}, {"sender": ""}, "服务器还没有配置发信邮箱", True),
    ],
)
def test_what_a_mail_server_refuses_is_said_plainly(post, answers, account, said, is_final):
    for name, answer in answers.items():
        setattr(post, name, answer)
    letter = mail.EmailMessage()
    letter["From"], letter["To"] = postman.USER, "lin@example.com"

    with pytest.raises(MailFailed) as failed:
        mail.send(post.account(**account), letter)

    assert (failed.value.message, failed.value.is_final) == (said, is_final)
    assert post.letters == []


def test_no_server_at_all_is_for_later(post):
    nobody = mail.Smtp("127.0.0.1", 1, "starttls", "", "", "a@example.com")

    with pytest.raises(MailFailed, match="连不上邮件服务器") as failed:
        mail.send(nobody, mail.EmailMessage())

    assert failed.value.is_final is False


def test_who_lost_the_permission_meanwhile_gets_nothing(session, post):
    lin, mei = an_admin("lin"), an_admin("mei", Role.FINANCE, "mei@example.com")
    subscribed(lin, mei, report="withdrawals")
    with transaction():
        db.session.get_one(Admin, mei.id).role = Role.OPERATIONS

    assert work(NINE, post) == ["refused"]

    [row] = deliveries()
    assert (row.error, row.made_at, post.letters) == ("没有查看这张报表的权限", None, [])


@pytest.mark.parametrize(
    ("role", "report", "given", "error", "said"),
    [
        (Role.OPERATIONS, "withdrawals", {}, MayNotSee, "没有查看这张报表的权限"),
        (Role.SUPPORT, "sales", {}, MayNotSee, "没有查看这张报表的权限"),
        (Role.OWNER, "sales", {"cadence": "weekly", "on_day": 7}, InvalidInput, "发送的日子"),
        (Role.OWNER, "sales", {"hour": 24}, InvalidInput, "请选择发送的时间"),
        (Role.OWNER, "sales", {"recipients": []}, InvalidInput, "请至少选择一位接收人"),
        (Role.OWNER, "sales", {"period": "2"}, InvalidInput, "请选择统计时间"),
        (Role.OWNER, "sales", {"ways": ["mail"]}, InvalidInput, "还没有登记邮箱"),
        (Role.OWNER, "sales", {"ways": ["wechat"]}, InvalidInput, "没有登记会员身份"),
        (Role.OWNER, "none", {}, InvalidInput, "请选择报表"),
    ],
)
def test_what_cannot_be_subscribed_to_is_refused(session, role, report, given, error, said):
    admin = an_admin("lin", role)

    with pytest.raises(error, match=said):
        subscribed(admin, **{"report": report, "ways": [], **given})

    assert db.session.scalars(sa.select(ReportSubscription)).all() == []


def test_a_colleague_who_may_not_see_it_cannot_be_named(session):
    lin, mei = an_admin("lin"), an_admin("mei", Role.SUPPORT)

    with pytest.raises(InvalidInput, match="mei：没有查看这张报表的权限"):
        subscribed(lin, lin, mei, ways=[])


def test_a_pause_leaves_its_turns_out_and_now_is_a_turn_of_its_own(session, post):
    lin = an_admin("lin")
    row = subscribed(lin, ways=[])
    who = {"admin_id": lin.id, "is_owner": False, "actor": SYSTEM}

    run_unit(subscriptions.pause, row.id, **who, now=BEFORE)
    assert work(NINE, post) == []
    run_unit(subscriptions.resume, row.id, **who, now=NINE + DAY / 2)
    assert work(NINE + DAY / 2, post) == []
    for _ in range(2):
        run_unit(subscriptions.send_now, row.id, **who, now=NINE + DAY / 2)
    assert work(NINE + DAY / 2, post) == ["delivered"]
    assert work(NINE + DAY, post) == ["delivered"]

    assert [found.turn for found in deliveries()] == ["now:202611222100", "2026-11-23"]
    assert len(acts("report.send_now")) == 1


def test_a_member_hears_of_it_by_the_official_account_once(session, post):
    member = make_member("林夏")
    lin = an_admin("lin", member_id=member.id)
    subscribed(lin, ways=["wechat"], report="distributors")

    assert work(NINE, post) == ["delivered"]

    [told] = db.session.scalars(sa.select(Notice).filter_by(kind="report_ready"))
    assert (told.member_id, told.path) == (member.id, "/admin/report-inbox")
    assert told.values["report"] == "分销员报表"


def test_a_letter_that_died_on_its_way_goes_out_again_after_the_lease(session, post):
    subscribed(an_admin("lin", email="lin@example.com"))
    sending.plan_due(NINE)
    [row] = deliveries()

    assert run_unit(sending._lease, row.id, NINE) is not None

    assert work(NINE + sending.LEASE - timedelta(seconds=1), post) == []
    assert work(NINE + sending.LEASE, post) == ["delivered"]


def test_the_password_of_the_mailbox_is_in_no_text_of_the_settings(post):
    assert postman.PASSWORD not in repr(post.account())
