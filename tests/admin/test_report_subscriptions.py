"""Reports that come by themselves, at the desk: the forms, whose they are, what came."""

import dataclasses

import sqlalchemy as sa

from app.admin.models import Admin
from app.core.db import db, transaction
from app.reports import subscriptions
from app.reports.subscriptions import ReportDelivery, ReportSubscription, SubscriptionState
from tests.admin.desk import a_sent_report, acts, fresh
from tests.reports import postman

FORM = {
    "report": "sales",
    "period": "7",
    "compare": "year",
    "cadence": "weekly",
    "weekday": "0",
    "hour": "9",
    "content": "xlsx",
}


def me():
    return db.session.scalars(sa.select(Admin).order_by(Admin.id.desc())).first()


def test_a_report_is_subscribed_to_changed_paused_and_deleted(session, admin_client):
    client = admin_client("operations")
    form = {**FORM, "recipients": me().id}

    made = client.post("/admin/report-subscriptions/new", data=form)
    page = made.headers["Location"]
    assert "每周一 9:00" in client.get(page).text
    assert client.post(f"{page}/edit", data={**form, "hour": "18"}).status_code == 303
    assert "每周一 18:00" in client.get(page).text
    assert client.post(f"{page}/pause").status_code == 303
    assert client.post(f"{page}/pause").status_code == 409
    assert client.post(f"{page}/resume").status_code == 303
    assert client.post(f"{page}/now").status_code == 303
    assert client.post(f"{page}/delete").status_code == 303
    assert client.get(page).status_code == 404

    row = db.session.scalars(sa.select(ReportSubscription)).one()
    assert row.state is SubscriptionState.DELETED
    names = ("subscribe", *(f"subscription_{act}" for act in ("change", "pause", "resume")))
    for name in (*names, "send_now", "subscription_delete"):
        assert len(acts(f"report.{name}")) == 1


def test_who_may_not_see_a_report_cannot_subscribe_to_it(session, admin_client):
    client = admin_client("operations")
    form = {**FORM, "recipients": me().id, "report": "withdrawals"}

    answer = client.post("/admin/report-subscriptions/new", data=form)

    assert (answer.status_code, db.session.scalars(sa.select(ReportSubscription)).all()) == (
        403,
        [],
    )


def test_a_form_that_is_wrong_is_shown_again_with_what_was_typed(session, admin_client):
    client = admin_client("owner")

    page = client.post("/admin/report-subscriptions/new", data={**FORM, "period": "30"})

    assert page.status_code == 422
    assert "请至少选择一位接收人" in page.text
    assert '<option value="30" selected>' in page.text


def test_another_admins_subscription_is_not_found(session, admin_client):
    row = a_sent_report()
    client = admin_client("operations")
    page = f"/admin/report-subscriptions/{row.subscription_id}"

    found = {path: client.get(page + path).status_code for path in ("", "/edit")}
    found |= {path: client.post(page + path).status_code for path in ("/pause", "/now", "/delete")}
    found["again"] = client.post(
        f"/admin/report-subscriptions/deliveries/{row.id}/again"
    ).status_code
    found["file"] = client.get(f"/admin/report-inbox/{row.id}/sales/file").status_code

    assert set(found.values()) == {404}
    assert fresh(row).state is subscriptions.DeliveryState.FAILED


def test_one_that_was_given_up_is_sent_again_from_its_page(session, admin_client):
    row = a_sent_report()
    client = admin_client("owner")

    answer = client.post(f"/admin/report-subscriptions/deliveries/{row.id}/again")

    assert answer.status_code == 303
    assert (fresh(row).state, fresh(row).tries) == (subscriptions.DeliveryState.WAITING, 0)


def test_what_came_is_new_until_it_was_looked_at(session, admin_client):
    row = a_sent_report()
    client = admin_client("finance")
    with transaction():
        db.session.get_one(ReportDelivery, row.id).admin_id = me().id

    page = client.get("/admin/report-inbox").text
    assert "销售报表" in page
    assert ">新<" in page
    assert ">新<" not in client.get("/admin/report-inbox").text
    file = client.get(f"/admin/report-inbox/{row.id}/sales/file?format=csv")
    assert file.text.splitlines()[0].startswith("\ufeff日期,成交额,成交额（对比期）")


def test_an_address_counts_once_its_letter_was_answered(session, app, admin_client, monkeypatch):
    client = admin_client("owner")
    config = app.extensions["mall_config"]
    with postman.serving() as post:
        monkeypatch.setitem(app.extensions, "mall_config", with_mail(config, post))
        assert client.post("/admin/account/mail", data={"email": "nonsense"}).status_code == 422
        assert (
            client.post("/admin/account/mail", data={"email": "Lin@Example.com"}).status_code == 303
        )
        text = post.letters[0].get_content()

    link = next(line for line in text.splitlines() if "/admin/account/mail/confirm/" in line)
    path = link[link.index("/admin/") :]
    assert me().email is None
    other = admin_client("finance")
    assert other.get(path).status_code == 410
    assert "lin@example.com" in client.get(path).text
    assert client.post(path).status_code == 303
    assert [row.email for row in db.session.scalars(sa.select(Admin).order_by(Admin.id))] == [
        "lin@example.com",
        None,
    ]
    assert [act.after for act in acts("admin.email")] == [{"email": "l***@example.com"}]
    assert client.post("/admin/account/mail/forget").status_code == 303
    assert db.session.scalars(sa.select(Admin.email)).all() == [None, None]


def test_a_link_to_an_address_ends_after_a_day(session, app, admin_client, monkeypatch):
    client = admin_client("owner")
    with postman.serving() as post:
        config = with_mail(app.extensions["mall_config"], post)
        monkeypatch.setitem(app.extensions, "mall_config", config)
        client.post("/admin/account/mail", data={"email": "lin@example.com"})
        text = post.letters[0].get_content()
    path = next(line for line in text.splitlines() if "/confirm/" in line).partition("/admin/")[2]

    monkeypatch.setattr("app.admin.own_mail.LINK_SECONDS", -1)

    assert client.post(f"/admin/{path}").status_code == 410
    assert me().email is None


def test_without_a_mail_server_the_pages_say_so(session, admin_client):
    client = admin_client("owner")

    for path in ("report-subscriptions", "report-subscriptions/new", "account/mail"):
        assert "服务器还没有配置发信邮箱" in client.get(f"/admin/{path}").text
    refused = client.post("/admin/account/mail", data={"email": "lin@example.com"})
    assert (refused.status_code, "服务器还没有配置发信邮箱" in refused.text) == (502, True)


def with_mail(config, post):
    server = post.account()
    return dataclasses.replace(
        config,
        smtp_host=server.host,
        smtp_port=server.port,
        smtp_security=server.security,
        smtp_user=server.user,
        smtp_password=server.password,
        smtp_from=server.sender,
    )
