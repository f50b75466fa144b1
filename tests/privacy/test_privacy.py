"""A member's rights over their data: a copy, and being forgotten."""

import io
import json
import zipfile

import pytest
import sqlalchemy as sa

from app import (
    distribution,
    interests,
    ledger,
    members,
    notices,
    orders,
    outbox,
    privacy,
    reviews,
    uploads,
    withdrawals,
)
from app.audit import AuditEntry
from app.core.db import db, run_unit, transaction
from app.distribution import DistributorStatus
from app.orders import Order, OrderStatus
from app.webhooks.models import InboxMessage
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    broken_invariants,
    days,
    give_available,
    make_address,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    notice_for,
    paid_order,
    place_order,
    received_order,
    take,
)
from tests.uploads.test_uploads import photo

LATER = NOON + days(60)
# All that says who 欧阳娜娜 is; none of it may be left.
TRACES = ("欧阳", "娜娜", "face.png", "13812345678", "文三路 1 号", "na@example.com", "放门口")


def finished_order(buyer, sku) -> Order:
    order = received_order(buyer, sku)
    run_unit(orders.finish, order.id, now=LATER)
    return order


def erase(member, now=LATER):
    run_unit(privacy.erase, member.id, actor=ADMIN, now=now)


def reasons(member) -> list[str]:
    return [reason.key for reason in privacy.reasons_against(member.id)]


@pytest.fixture
def person(session, tmp_path):
    """Somebody who did everything that leaves something, all of it over."""
    make_plan()
    member = make_member("欧阳娜娜")
    bind(member, make_distributor("陈梅"))
    with transaction():
        members.set_profile(member.id, nickname="欧阳娜娜", avatar_url="https://wx.test/face.png")
        members.mark_subscribed(member.id, True)
        privacy.agree(member.id, now=NOON)
    sku = make_sku()
    order = finished_order(member, sku)
    with transaction():
        order.remark = "放门口"
        db.session.add(
            orders.OrderTrace(order_id=order.id, at=NOON, text="欧阳签收", entered_by="")
        )
    request = orders.invoices.InvoiceInput("personal", "欧阳娜娜", "", "na@example.com")
    invoice = run_unit(orders.invoices.request, order.id, request, actor=ADMIN, now=NOON)
    run_unit(orders.invoices.issue, invoice.id, number="2" * 20, actor=ADMIN, now=NOON)
    path = uploads.keep(member.id, photo(), folder=tmp_path, now=NOON)
    given = reviews.ReviewInput(5, "欧阳推荐", [path])
    made = run_unit(reviews.write, member.id, order.lines[0].id, given, now=NOON)
    run_unit(reviews.show, [made.id], actor=ADMIN, now=NOON)
    with transaction():
        distribution.apply(
            member.id,
            statement="我是欧阳",
            agreed_version=distribution.CONTRACT_VERSION,
            now=NOON,
        )
        distribution.appeals.ask(member.id, "是欧阳介绍我来的", now=NOON)
        interests.like(member.id, sku.product_id, now=NOON)
        interests.visit({(member.id, sku.product_id): NOON})
        orders.cart.add(member.id, sku.id, 1, now=NOON)
        notices.mute(member.id, "order_shipped", is_muted=True)
        db.session.add(
            InboxMessage(
                dedupe_key=f"{member.openid}1", openid=member.openid, kind="text", reply="", at=NOON
            )
        )
    account = withdrawals.payees.PayeeInput(withdrawals.Channel.ALIPAY, "欧阳娜娜", "13812345678")
    run_unit(withdrawals.payees.add, member.id, account, now=NOON)
    return member


def everything() -> dict[str, str]:
    """Every table as text, sealed columns opened."""
    return {
        table.name: "\n".join(str(tuple(row)) for row in db.session.execute(sa.select(table)).all())
        for table in db.metadata.sorted_tables
    }


def test_nothing_that_says_who_it_was_is_left(person, tmp_path):
    openid = person.openid
    before = everything()

    erase(person)
    uploads.sweep(tmp_path, now=LATER)

    after = everything()
    found = {
        (name, trace)
        for name, text in after.items()
        for trace in (*TRACES, openid)
        if trace in text
    }
    assert found == set()
    assert all(any(trace in text for text in before.values()) for trace in (*TRACES, openid))
    assert list(tmp_path.rglob("*.jpg")) == []


def test_orders_and_money_stay_and_are_sound(person):
    (order,) = db.session.scalars(sa.select(Order).filter_by(member_id=person.id))
    was = (order.number, order.payable_fen, order.status, order.paid_at)
    postings = len(ledger.postings_of(("order", order.id)))

    erase(person)

    db.session.refresh(order)
    assert (order.number, order.payable_fen, order.status, order.paid_at) == was
    assert len(ledger.postings_of(("order", order.id))) == postings
    assert broken_invariants() == {}
    assert [c.document for c in members.consents_of(person.id)] == [
        "privacy",
        "distributor_contract",
    ]


def test_the_rating_follows_the_review_that_went(person):
    product_id = db.session.scalars(sa.select(reviews.Review.product_id)).one()
    assert reviews.rating_of(product_id).count == 1

    erase(person)

    db.session.expire_all()
    assert reviews.rating_of(product_id).count == 0


def test_it_is_audited(person):
    erase(person)

    acts = db.session.scalars(
        sa.select(AuditEntry.actor).filter_by(action="member.erase", subject_id=person.id)
    )
    assert list(acts) == [ADMIN.ref]


def test_the_same_openid_enters_as_somebody_new(person):
    openid = person.openid
    erase(person)

    with transaction():
        again = members.enter(openid, now=LATER)

    assert again.id != person.id
    assert (again.upline1_id, again.nickname) == (None, "")


def test_every_table_of_members_was_thought_of():
    """A new table that refers to members is forgotten, or has a reason to stay."""
    gone = {
        *("cart_lines", "favourites", "member_addresses", "member_uploads", "notice_mutes"),
        *(
            "member_notes",
            "member_tags",
            "notices",
            "reviews",
            "risk_traces",
            "training_reads",
            "visitor_days",
            "visits",
        ),
        "payee_accounts",
    }
    stays = {
        *(
            "aftersales",
            "binding_attempts",
            "channel_members",
            "channels",
            "binding_appeals",
            "bonus_results",
            "commissions",
            # Debts of which the shop let go: what the books rest on.
            "debt_write_offs",
            "distributors",
        ),
        *("invoice_requests", "member_consents", "members", "order_seats", "orders"),
        *("referral_codes", "scans", "withdrawals"),
        # What was withheld of whom: the tax office asks for ten years, then `tidy` ends it.
        # An identity of which nothing was withheld goes.
        *("tax_identities", "withdrawal_taxes"),
        # Numbers and times only: what bills were paid on.
        "transfer_grants",
        # Sums of orders and commissions, which stay; the rankings go with time.
        *("team_figures", "ranking_places"),
        # Who was suspected of what, and the answer: what suspensions rest on.
        "risk_flag_members",
        # What the desk expected of whom; the person is nobody by then.
        "sales_targets",
        # A desk's own person: `admins.member_id` keeps them from their own withdrawals.
        "admins",
    }
    refers = {
        table.name
        for table in db.metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table.name == "members"
    }

    assert refers == gone | stays
    assert not gone & stays


# --- what keeps an account open ----------------------------------------------------


@pytest.mark.parametrize("make", [place_order, paid_order, received_order])
def test_an_open_order_keeps_it(session, make):
    member = make_member("王芳")
    make(member, make_sku())

    with pytest.raises(privacy.StillOpen, match="还有 1 个订单没有完成"):
        erase(member, NOON)

    assert (member.nickname, member.erased_at, reasons(member)) == ("王芳", None, ["orders"])


def test_money_in_the_wallet_keeps_it(session):
    member = make_distributor("陈梅")
    give_available(member, 12_34)

    with pytest.raises(privacy.StillOpen, match=r"钱包里还有 ¥12\.34"):
        erase(member, NOON)

    assert distribution.is_active(member.id)
    assert reasons(member) == ["available"]


def test_a_commission_under_way_keeps_it(session):
    make_plan()
    member, buyer = make_distributor(), make_member()
    bind(buyer, member)
    paid_order(buyer, make_sku())

    with pytest.raises(privacy.StillOpen, match=r"¥10\.00 佣金待结算"):
        erase(member, NOON)

    assert member.erased_at is None


def test_an_open_withdrawal_keeps_it(session):
    member = make_distributor()
    give_available(member, 50_00)
    with transaction():
        withdrawals.request(member.id, amount_fen=50_00, request_key="k", now=NOON)

    with pytest.raises(privacy.StillOpen, match="还有 1 笔提现"):
        erase(member, NOON)

    assert reasons(member) == ["withdrawals"]


def test_an_invoice_on_its_way_keeps_it(session):
    member = make_member()
    order = finished_order(member, make_sku())
    given = orders.invoices.InvoiceInput("personal", "个人", "", "a@example.com")
    run_unit(orders.invoices.request, order.id, given, actor=ADMIN, now=NOON)

    with pytest.raises(privacy.StillOpen, match="还有 1 张发票"):
        erase(member)

    assert member.erased_at is None


# --- what follows ------------------------------------------------------------------


def test_a_distributor_ends_and_those_below_stay(session):
    leaving, below = make_distributor(), make_member()
    bind(below, leaving)

    erase(leaving)

    standing = distribution.distributor_of(leaving.id)
    assert standing.status is DistributorStatus.CLOSED
    assert below.upline1_id == leaving.id
    assert bind(make_member(), leaving) is distribution.AttemptResult.OWNER_INACTIVE
    assert broken_invariants() == {}


def test_no_commission_goes_to_who_left_between_order_and_payment(session):
    make_plan()
    leaving, buyer = make_distributor(), make_member()
    bind(buyer, leaving)
    order = place_order(buyer, make_sku())

    erase(leaving, NOON)
    take(notice_for(order))
    outbox.drain(NOON)

    assert db.session.get(Order, order.id).status is OrderStatus.PAID
    assert ledger.wallet_of(leaving.id) == ledger.Wallet()
    assert broken_invariants() == {}


def test_who_was_deleted_neither_orders_nor_hears(session):
    member, sku = make_member(), make_sku()
    make_address(member)
    erase(member)

    with pytest.raises(Exception, match="账号已被限制"):
        run_unit(
            orders.place,
            member.id,
            items=[orders.Item(sku.id, 1)],
            pickup=orders.PickupWish(1, "王芳", "13812345678"),
            request_key="k" * 16,
            expected_fen=sku.price_fen,
            now=LATER,
        )

    told = [notices.service.Draft(key="x", member_id=member.id, values={}, path="")]
    assert run_unit(notices.service.write, "order_paid", told, now=LATER) == 0
    assert db.session.scalars(sa.select(Order.id)).all() == []


def test_a_queued_message_of_who_left_is_dropped(session):
    notices.send(999_999, sender=None, now=NOON)  # type: ignore[arg-type]


# --- the copy ----------------------------------------------------------------------


def test_the_copy_has_all_of_ones_own(person):
    by_key = {section.key: section for section in privacy.sections(person.id)}

    rows = {key: len(section.rows) for key, section in by_key.items()}
    assert {key for key, count in rows.items() if count} == {
        *("profile", "addresses", "consents", "orders", "order_lines", "payments", "invoices"),
        *("reviews", "uploads", "favourites", "visits", "cart", "distributor", "bindings"),
        *("appeals", "payees"),
        *("scans", "notices", "chat"),
    } - ({"scans"} if not rows["scans"] else set())
    assert by_key["addresses"].rows[0]["phone"] == "13812345678"
    assert all(
        {name for name, _ in section.columns} == set(row)
        for section in by_key.values()
        for row in section.rows
    )


def test_others_are_in_it_by_masked_names_only(session):
    make_plan()
    earner, buyer = make_distributor("陈梅"), make_member("欧阳娜娜")
    bind(buyer, earner)
    paid_order(buyer, make_sku())

    text = str(privacy.sections(earner.id))

    assert "欧*娜" in text
    assert "欧阳娜娜" not in text
    assert buyer.openid not in text
    assert "13812345678" not in text


def test_a_copy_once_an_hour(session):
    member, other = make_member(), make_member()

    def claim(who, now):
        run_unit(privacy.claim_export, who.id, actor=ADMIN, now=now)

    claim(member, NOON)
    with pytest.raises(privacy.ExportedLately):
        claim(member, NOON + days(1) / 24 - days(1) / 86400)
    claim(other, NOON)
    claim(member, NOON + days(1) / 24)

    count = sa.select(sa.func.count()).select_from(AuditEntry).filter_by(action="member.export")
    assert db.session.scalar(count) == 3


def test_the_copy_over_http(client, person, log_in):
    log_in(client, person)

    page = client.post("/me/data/export")
    link = page.text.split('data-copy="http://mall.test')[1].split('"')[0]
    client.delete_cookie("mall_session")
    answer = client.get(link)

    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    data = json.loads(archive.read("data.json"))
    readable = archive.read("我的资料.html").decode()
    assert sorted(archive.namelist()) == ["data.json", "我的资料.html"]
    assert data["profile"]["rows"][0]["nickname"] == "欧阳娜娜"
    assert data["orders"]["rows"][0]["payable_fen"] == 100_00
    assert "¥100.00" in readable
    assert "已完成" in readable
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_a_second_copy_within_the_hour_is_refused(client, session, log_in):
    member = make_member()
    log_in(client, member)
    client.post("/me/data/export")

    answer = client.post("/me/data/export", follow_redirects=True)

    assert "一小时内只能导出一次" in answer.text


@pytest.mark.parametrize("token", ["0" * 48, "..", "a-b"])
def test_a_link_that_is_none(client, session, token):
    assert client.get(f"/data/{token}/my-data.zip").status_code == 404


def test_what_is_kept_is_listed_with_its_reason(client, person, log_in):
    log_in(client, person)

    assert "电子商务法要求的交易记录" in client.get("/me/data").text
    assert "13812345678" in client.get("/me/data/all").text


def test_deleting_over_http_asks_first(client, person, log_in):
    log_in(client, person)

    assert client.post("/me/data/close").status_code == 422
    assert person.erased_at is None
    answer = client.post("/me/data/close", data={"sure": "1"})

    assert "账号已注销" in answer.text
    assert person.erased_at is not None
    with client.session_transaction() as kept:
        assert "member" not in kept


def test_deleting_over_http_names_each_reason(client, session, log_in):
    member = make_distributor()
    give_available(member, 8_00)
    place_order(member, make_sku())
    log_in(client, member)

    answer = client.post("/me/data/close", data={"sure": "1"})

    assert answer.status_code == 409
    assert "还有 1 个订单没有完成" in answer.text
    assert "钱包里还有 ¥8.00" in answer.text
    assert member.erased_at is None


def test_other_browsers_of_who_left_are_nobodys(client, person, log_in):
    log_in(client, person)
    erase(person)

    answer = client.get("/privacy")

    assert "我的资料" not in answer.text
    with client.session_transaction() as kept:
        assert "member" not in kept


def test_the_first_address_records_the_consent_once(client, session, log_in):
    member = make_member()
    log_in(client, member)
    address = {
        "name": "王芳",
        "phone": "13812345678",
        "region": "浙江省杭州市西湖区",
        "detail": "文三路 1 号",
    }

    for _ in range(2):
        client.post("/me/address/new", data=address)

    agreed = members.consents_of(member.id)
    assert [(row.document, row.version) for row in agreed] == [("privacy", privacy.VERSION)]
