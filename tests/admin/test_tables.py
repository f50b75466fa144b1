"""Lists of the panel: columns, order, saved views, masks, files."""

import csv
import io
import re
from datetime import timedelta

import openpyxl
import pytest
import sqlalchemy as sa

from app import catalog, ledger, members, orders
from app.admin import tables
from app.admin.models import Role
from app.admin.tables import Personal, masks, page
from app.admin.tables.models import ListChoice, ListView
from app.admin.tables.source import count
from app.audit.runs import JobRun, RunStatus
from app.catalog import Sku
from app.commission.bonus import BonusRun
from app.core import clock
from app.core.db import db, transaction
from app.core.pages import Turn, in_turn
from app.distribution import AttemptResult, BindingAttempt, BindingSource
from app.distribution.channels import Channel, Outcome, Scan, ScanSource
from app.distribution.levels import Cause, LevelChange
from app.ledger import AccountKind, Move
from app.members import Address
from app.notices import Notice, NoticeState
from app.orders import Order, OrderStatus, Pickup, PickupShop
from app.reconciliation import Break
from app.reports import exports
from tests.admin.desk import acts, browser_of, fill, fresh, paid_late, totp, with_factor
from tests.admin.test_access import address as address_of
from tests.admin.test_access import admin_rules
from tests.factories import (
    NOON,
    SYSTEM,
    make_distributor,
    make_member,
    make_sku,
    paid_order,
    place_order,
)

PHONE = "13812345678"
FULL_PHONE = re.compile(r"(?<![0-9A-Za-z])1[3-9]\d{9}(?!\d)")


def heads(text: str) -> list[str]:
    """The titles of the table's columns."""
    row = re.search(r"<thead>(.*?)</thead>", text, re.DOTALL).group(1)
    found = re.findall(r"<th[^>]*>(.*?)</th>", row, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", head).strip() for head in found]


def numbers(text: str) -> list[str]:
    body = re.search(r"<tbody>(.*?)</tbody>", text, re.DOTALL).group(1)
    return re.findall(r'class="code" href="/admin/orders/(\w+)"', body)


def lines_of(answer) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))


@pytest.fixture
def bought(session):
    """Three orders: the second is not paid, the last was paid first."""
    sku, buyer = make_sku(price_fen=10_00), make_member("王芳")
    first = paid_order(buyer, sku, now=NOON + timedelta(hours=2))
    second = place_order(buyer, sku, now=NOON)
    third = paid_order(buyer, sku, now=NOON + timedelta(hours=1))
    return [first.number, second.number, third.number]


def test_rows_follow_an_order_by_a_column_with_gaps_and_ties(session):
    sku, buyer = make_sku(price_fen=10_00), make_member()
    for hours in (2, None, 1, 1, None):
        if hours is None:
            place_order(buyer, sku)
        else:
            paid_order(buyer, sku, now=NOON + timedelta(hours=hours))
    ids = db.session.scalars(sa.select(Order.id).order_by(Order.id)).all()

    for is_descending, wanted in ((True, [0, 3, 2, 4, 1]), (False, [1, 4, 2, 3, 0])):
        seen, after = [], None
        while True:
            part = in_turn(
                sa.select(Order), Order.id, Turn(Order.paid_at, is_descending), after=after, size=1
            )
            seen += [ids.index(row.id) for row in part.items]
            after = part.next_before
            if after is None:
                break
        assert seen == wanted


@pytest.mark.parametrize(
    ("asked", "turned"),
    [
        ({}, [2, 1, 0]),
        ({"sort": "created"}, [0, 1, 2]),
        ({"sort": "-paid"}, [0, 2, 1]),
        ({"sort": "paid"}, [1, 2, 0]),
        # No index serves it: the usual order.
        ({"sort": "payable"}, [2, 1, 0]),
        ({"sort": "paid", "state": "paid"}, [2, 0]),
    ],
)
def test_a_list_goes_by_the_head_that_an_index_serves(bought, admin_client, asked, turned):
    text = admin_client("operations").get("/admin/orders", query_string=asked).text

    assert numbers(text) == [bought[at] for at in turned]


def test_a_head_turns_the_list_over(bought, admin_client):
    client = admin_client("operations")

    usual, by_paid = (
        client.get("/admin/orders", query_string=q).text for q in ({}, {"sort": "-paid"})
    )

    assert 'aria-sort="descending"><a href="/admin/orders?sort=created"' in usual
    assert 'aria-sort="descending"><a href="/admin/orders?sort=paid"' in by_paid
    assert 'col-time"><a href="/admin/orders?sort=-created"' in by_paid


def test_chosen_columns_stay_with_their_admin(bought, admin_client):
    mine, other = admin_client("operations"), admin_client("operations")

    answer = mine.post(
        "/admin/lists/orders/columns",
        data={"columns": ["phone", "number"], "back": "/admin/orders?state=paid&view=7"},
    )

    assert answer.headers["Location"] == "/admin/orders?state=paid"
    assert heads(mine.get("/admin/orders").text) == ["订单号", "手机", "操作"]
    assert heads(other.get("/admin/orders").text)[1] == "商品"
    [entry] = acts("list.columns")
    assert entry.after == {"list": "订单", "columns": ["订单号", "手机"]}
    mine.post("/admin/lists/orders/columns", data={"reset": "1"})
    assert heads(mine.get("/admin/orders").text)[1] == "商品"


def test_a_column_shows_where_it_is_filled_and_stays_chosen_elsewhere(session, admin_client):
    paid_late(make_member(), make_sku())
    resolved = paid_late(make_member(), make_sku()).id
    with transaction():
        orders.resolve_oddity(resolved, resolution="已退款", actor=SYSTEM, now=NOON)
    client = admin_client("owner")

    waiting, done = (client.get(f"/admin/oddities?state={s}").text for s in ("open", "resolved"))

    assert ("处理结果" in heads(waiting), "处理结果" in heads(done)) == (False, True)
    assert 'value="resolution" checked' in waiting


@pytest.mark.parametrize(
    ("role", "listing", "data", "status"),
    [
        ("operations", "orders", {"columns": ["nothing"]}, 303),
        ("operations", "orders", {}, 303),
        ("operations", "nothing", {"columns": ["number"]}, 404),
        ("support", "withdrawals", {"columns": ["number"]}, 403),
    ],
)
def test_columns_of_another_list_are_refused(session, admin_client, role, listing, data, status):
    answer = admin_client(role).post(f"/admin/lists/{listing}/columns", data=data)

    assert answer.status_code == status
    assert db.session.scalars(sa.select(ListChoice)).all() == []
    assert acts("list.columns") == []


def save(client, **data):
    fields = {"name": "待发货", "state": "paid", "sort": "-created", "back": "/admin/orders"}
    return client.post("/admin/lists/orders/views", data=fields | data)


def test_a_saved_view_brings_filters_columns_and_order(bought, admin_client):
    client = admin_client("operations")
    client.post("/admin/lists/orders/columns", data={"columns": ["number", "phone"]})

    answer = save(client)

    view = db.session.scalars(sa.select(ListView)).one()
    leads = f"/admin/orders?state=paid&sort=-created&view={view.id}"
    assert answer.headers["Location"] == leads
    client.post("/admin/lists/orders/columns", data={"reset": "1"})
    text = client.get(leads).text
    assert (heads(text), numbers(text)) == (["订单号", "手机", "操作"], [bought[2], bought[0]])
    # Its tabs and filters keep the view.
    assert f"/admin/orders?state=shipped&amp;view={view.id}&amp;sort=-created" in text
    assert acts("list.save_view")[0].after == {"list": "订单", "name": "待发货", "shared": False}


def test_the_same_name_again_changes_the_view(session, admin_client):
    client = admin_client("operations")

    for state in ("paid", "shipped"):
        save(client, state=state)

    view = db.session.scalars(sa.select(ListView)).one()
    assert (view.name, view.filters) == ("待发货", {"state": "shipped"})


def test_only_an_owner_shares_and_only_its_maker_deletes(session, admin_client):
    owner, other = admin_client("owner"), admin_client("operations")
    save(other, name="不共享", is_shared="1")
    save(owner, name="共享的", is_shared="1")
    shared = db.session.scalars(sa.select(ListView).filter_by(name="共享的")).one().id

    text = other.get("/admin/orders").text
    refused = other.post(f"/admin/lists/orders/views/{shared}/delete")

    assert "共享的" in text
    assert "不共享" not in owner.get("/admin/orders").text
    assert (refused.status_code, db.session.get(ListView, shared).is_shared) == (404, True)
    assert acts("list.delete_view") == []
    assert owner.post(f"/admin/lists/orders/views/{shared}/delete").status_code == 303
    assert "共享的" not in other.get("/admin/orders").text


@pytest.mark.parametrize("name", ["", "  ", "名" * 21])
def test_a_view_without_a_fitting_name_is_not_kept(session, admin_client, name):
    client = admin_client("operations")

    save(client, name=name)

    assert "视图名称为 1 到 20 个字" in client.get("/admin/orders?view=0").text
    assert db.session.scalars(sa.select(ListView)).all() == []


def test_the_list_opens_with_the_default_view_until_it_is_gone(bought, admin_client):
    client = admin_client("operations")
    leads = save(client).headers["Location"]
    view = db.session.scalars(sa.select(ListView)).one().id

    client.post(f"/admin/lists/orders/views/{view}/open", data={"back": leads})

    assert client.get("/admin/orders").headers["Location"] == leads
    assert client.get("/admin/orders?view=0").status_code == 200
    client.post(f"/admin/lists/orders/views/{view}/delete")
    assert client.get("/admin/orders").status_code == 200


def test_somebody_elses_view_neither_opens_nor_shows(session, admin_client):
    save(admin_client("operations"))
    view = db.session.scalars(sa.select(ListView)).one().id
    client = admin_client("finance")

    answer = client.post(f"/admin/lists/orders/views/{view}/open")

    assert answer.status_code == 404
    assert db.session.scalars(sa.select(ListChoice)).all() == []
    assert (
        "待发货" not in client.get(f"/admin/orders?view={view}").text.split("list-tools")[1][:600]
    )


def _happened(desk) -> None:
    """What comes by itself: a debt, a scan, a step, a run, a notice, an order to fetch."""
    now = clock.now()
    debt = ledger.member(AccountKind.DEBT, desk.distributor.member_id)
    moves = [Move(debt, ledger.system(AccountKind.SHOP), 5_00)]
    with transaction():
        ledger.post("test:debt", event="claw_back", moves=moves, now=now)
        shop = db.session.scalars(sa.select(PickupShop)).first()
        db.session.add(Pickup(order_id=desk.order.id, shop_id=shop.id, code="123456789012"))
        db.session.add_all(
            [
                Scan(
                    channel_id=desk.channel_id,
                    source=ScanSource.FOLLOW,
                    outcome=Outcome.SNAPSHOT,
                    openid="oVirtual00000000000000000000",
                    day=clock.local(now).date(),
                    at=now,
                ),
                LevelChange(
                    distributor_id=desk.distributor.id,
                    from_level="",
                    to_level="senior",
                    cause=Cause.ADMIN,
                    reason="补记",
                    actor="system:settle",
                    at=now,
                ),
                JobRun(
                    job="settle",
                    slot="t:1",
                    status=RunStatus.DONE,
                    did_work=True,
                    result={"rows": 3, "amount_fen": 19_20},
                    as_of=now,
                    started_at=now,
                    ended_at=now,
                ),
                Notice(
                    key="test:1",
                    kind="order_paid",
                    member_id=desk.order.member_id,
                    values={},
                    state=NoticeState.KEPT,
                    created_at=now,
                ),
            ]
        )


def test_every_column_of_every_list_has_a_value(session):
    _happened(fill())
    kinds = {"money": (int, type(None)), "number": (int,), "text": (str,)}

    for found in tables.LISTINGS.values():
        query = found.query({}).options(*found.load)
        rows = in_turn(query, found.key, Turn(), after=None, size=20).items
        facts = found.facts(rows)
        assert rows, found.name
        for column in found.columns:
            for row in rows:
                value = masks.value(column, row, facts, frozenset(Personal))
                assert isinstance(value, kinds.get(column.kind, object)), column.key


def test_filters_keep_what_fits_and_nothing_else(session):
    desk = fill()
    _happened(desk)
    today = clock.local(clock.now()).date().isoformat()
    before = (clock.local(clock.now()) - timedelta(days=9)).date().isoformat()
    debtor = members.get(desk.distributor.member_id)
    bonus_id = str(db.session.scalars(sa.select(BonusRun.program_id)).one())
    channel = db.session.get_one(Channel, desk.channel_id).name
    broken = db.session.scalars(sa.select(Break)).one()
    with transaction():
        db.session.get_one(Order, desk.order.id).status = OrderStatus.PAID

    def found(name: str, **given: str) -> int:
        listing = tables.LISTINGS[name]
        return count(listing, listing.given(given), most=10)

    for name, fits, others in (
        ("scans", {"source": "follow"}, {"source": "link"}),
        ("scans", {"result": "snapshot"}, {"result": "counted"}),
        ("scans", {"channel": channel[:2], "from": today, "to": today}, {"channel": "没有"}),
        ("scans", {"result": "nonsense", "source": "x", "from": "x"}, {"to": before}),
        ("level-changes", {"cause": "admin", "level": "senior"}, {"cause": "period"}),
        ("level-changes", {"from": today, "to": today}, {"from": before, "to": before}),
        ("level-changes", {"wanted": debtor.public_id}, {"wanted": "没有这个人"}),
        ("debts", {"wanted": debtor.nickname}, {"wanted": "没有这个人"}),
        ("bonus-runs", {"bonus": bonus_id}, {"bonus": "999"}),
        ("bonus-runs", {"progress": "computed"}, {"progress": "approved"}),
        ("bonus-runs", {"progress": "nonsense"}, {"progress": "done"}),
        ("breaks", {"kind": "payment", "day": broken.day.isoformat()}, {"kind": "gap"}),
        ("breaks", {"number": broken.wx_number[-6:]}, {"state": "closed"}),
        ("pickups", {"number": desk.order.number[:6].lower()}, {"number": "X"}),
        ("pickups", {"state": "waiting"}, {"shop": "999"}),
        ("pickups", {}, {"state": "taken"}),
    ):
        assert (found(name, **fits), found(name, **others)) == (1, 0), (name, fits)
    both = [found("debts", asked=choice) for choice in ("yes", "no")]
    assert (sorted(both), found("debts")) == ([0, 1], 1)


@pytest.mark.parametrize(
    ("is_same", "result", "found"),
    [(True, "bound_same", 1), (True, "already_bound", 0), (False, "already_bound", 1)],
)
def test_scans_of_who_was_bound_before_are_told_apart(session, is_same, result, found):
    owner, member = make_distributor(), make_member()
    with transaction():
        attempt = BindingAttempt(
            member_id=member.id,
            owner_id=owner.id,
            upline_id=owner.id if is_same else None,
            source=BindingSource.SCAN,
            code="X",
            result=AttemptResult.ALREADY_BOUND,
            at=NOON,
        )
        db.session.add(attempt)
        db.session.flush()
        scan = Scan(
            member_id=member.id,
            source=ScanSource.SCAN,
            outcome=Outcome.TRIED,
            attempt_id=attempt.id,
            day=NOON.date(),
            at=NOON,
        )
        db.session.add(scan)
    listing = tables.LISTINGS["scans"]

    assert scan.result == ("bound_same" if is_same else "already_bound")
    assert count(listing, listing.given({"result": result}), most=10) == found


def test_the_moves_of_a_product_are_found_by_its_code(session, admin_client):
    tea, cup = make_sku(), make_sku()
    with transaction():
        for sku, code in ((tea, "TEA-1"), (cup, "CUP-1")):
            db.session.get_one(Sku, sku.id).code = code
        for sku in (tea, cup):
            catalog.count_stock(
                sku.id, 7, key=f"t:{sku.id}", reason="月末盘点", actor=SYSTEM, now=NOON
            )
    client, product_id = admin_client("operations"), cup.product_id

    rows = lines_of(
        client.post("/admin/lists/stock-moves/export", data={"format": "csv", "code": "TEA-1"})
    )

    assert rows[0] == ["时间", "商品", "规格", "货号", "变化", "原因", "经手人"]
    assert {row[3] for row in rows[1:]} == {"TEA-1"}
    assert f"product={product_id}" in client.get(f"/admin/products/{product_id}/stock").text
    shown = client.get(f"/admin/stock-moves?product={product_id}").text
    assert ("CUP-1" in shown, "TEA-1" in shown) == (True, False)


def test_masks_by_role():
    sees = {role: masks.seen_by(role) for role in Role}

    everything = frozenset(Personal)
    assert sees == {
        Role.OWNER: everything,
        Role.OPERATIONS: everything,
        Role.SUPPORT: everything,
        Role.FINANCE: {Personal.NAME, Personal.ACCOUNT},
        Role.AUDITOR: frozenset(),
    }


@pytest.mark.parametrize(
    ("kind", "text", "seen"),
    [
        (Personal.NAME, "张小华", "张**"),
        (Personal.PHONE, PHONE, "138****5678"),
        (Personal.ADDRESS, "文三路 1 号", "******"),
        (Personal.OPENID, "oWangFang00000000000000000000", "oWan****0000"),
        (Personal.ACCOUNT, "short", "****"),
        (Personal.PHONE, "", ""),
    ],
)
def test_a_mask_keeps_what_colleagues_need_to_compare(kind, text, seen):
    assert masks.masked(kind, text) == seen


def test_an_auditor_finds_no_full_phone_name_or_openid_in_any_page(app, session, admin_client):
    desk = fill()
    client = admin_client("auditor")
    for listing in tables.LISTINGS.values():
        client.post(
            f"/admin/lists/{listing.name}/columns",
            data={"columns": [column.key for column in listing.columns]},
        )
    openid = members.get(desk.order.member_id).openid
    detail, name = "翠苑三区 8 幢 902", "欧阳震华"
    with transaction():
        order = db.session.get(Order, desk.order.id)
        order.receiver_detail, order.receiver_name = detail, name
        address = db.session.scalars(sa.select(Address).filter_by(member_id=order.member_id)).one()
        address.detail, address.name = detail, name
    walked = 0

    for rule in admin_rules(app):
        if "GET" not in rule.methods or rule.endpoint in ("admin.setup", "admin.pickup_shops"):
            continue
        answer = client.get(address_of(app, rule, desk))
        if answer.status_code != 200 or answer.mimetype != "text/html":
            continue
        walked += 1
        assert FULL_PHONE.findall(answer.text) == [], rule.rule
        for secret in (openid, detail, name):
            assert secret not in answer.text, (rule.rule, secret)

    assert walked > 40


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        ("operations", ["陈梅", PHONE, "浙江省 杭州市 西湖区 文三路 1 号"]),
        ("finance", ["陈梅", "138****5678", "浙江省 杭州市 西湖区 ******"]),
        ("auditor", ["陈**", "138****5678", "浙江省 杭州市 西湖区 ******"]),
    ],
)
def test_page_and_file_mask_alike(bought, admin_client, role, seen):
    client = admin_client(role)
    keys = ["receiver", "phone", "address"]
    client.post("/admin/lists/orders/columns", data={"columns": keys})
    order = db.session.scalars(sa.select(Order)).first()
    full = [order.receiver_name, order.receiver_phone]
    seen = [full[0] if seen[0] == "陈梅" else f"{full[0][0]}**", *seen[1:]]
    seen[1] = full[1] if role == "operations" else "138****" + full[1][-4:]
    region = f"{order.receiver_region} "
    seen[2] = region + (order.receiver_detail if role == "operations" else "******")

    text = client.get("/admin/orders").text
    rows = lines_of(client.post("/admin/lists/orders/export", data={"format": "csv"}))

    cells = re.findall(
        r"<td[^>]*>(.*?)</td>", re.search(r"<tbody>(.*?)</tr>", text, re.DOTALL).group(1)
    )
    assert [re.sub(r"<[^>]+>", "", cell) for cell in cells[:3]] == seen
    assert rows[0] == ["收货人", "手机", "收货地址"]
    assert rows[1] == seen


def test_a_short_file_holds_what_the_page_shows_in_its_order(bought, admin_client):
    client = admin_client("operations")

    answer = client.post(
        "/admin/lists/orders/export",
        data={"format": "xlsx", "state": "paid", "sort": "created"},
    )

    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == ("订单号", "商品", "买家", "实付", "下单", "付款", "状态")
    assert [row[0] for row in rows[1:]] == [bought[0], bought[2]]
    assert (rows[1][2], rows[1][3], rows[1][6]) == ("王芳", 10, "待发货")
    [entry] = acts("list.export")
    assert entry.after == {
        "list": "订单",
        "state": "paid",
        "format": "xlsx",
        "rows": 2,
        "personal": [],
    }


def test_who_may_not_see_a_list_cannot_take_it_as_a_file(session, admin_client):
    statuses = [
        admin_client(role).post(f"/admin/lists/{name}/export").status_code
        for role, name in (("support", "orders"), ("operations", "withdrawals"), ("owner", "audit"))
    ]

    assert statuses == [403, 403, 403]
    assert acts("list.export") == []


def test_a_file_with_personal_data_asks_for_a_fresh_code(app, session):
    admin = with_factor("boss")
    paid_order(make_member(), make_sku(price_fen=10_00))
    client = browser_of(app, admin, proved=timedelta(minutes=11))
    client.post("/admin/lists/orders/columns", data={"columns": ["phone"]})

    asked = client.post("/admin/lists/orders/export", data={"format": "csv"})
    given = client.post(
        "/admin/lists/orders/export", data={"format": "csv", "fresh_code": totp(fresh(admin))}
    )

    assert (asked.status_code, "输入验证码" in asked.text) == (403, True)
    assert lines_of(given)[0] == ["手机"]
    assert [entry.after["personal"] for entry in acts("list.export")] == [["phone"]]


def test_a_long_list_is_made_in_the_background(bought, admin_client, monkeypatch):
    monkeypatch.setattr(exports, "AT_ONCE_MAX", 1)
    client = admin_client("operations")

    answer = client.post("/admin/lists/orders/export", data={"format": "csv", "sort": "created"})

    assert answer.headers["Location"] == "/admin/exports"
    row = db.session.scalars(sa.select(exports.AdminExport)).one()
    assert (row.state, row.rows_total, row.sort) == ("queued", 3, "created")
    text = client.get("/admin/exports").text
    assert "排队中" in text
    assert 'http-equiv="refresh" content="3"' in text


def test_a_view_that_is_no_more_leaves_the_filters(session, admin_client):
    assert admin_client("operations").get("/admin/orders?state=paid&view=999").status_code == 200


def test_columns_of_a_view_follow_the_declaration():
    found = tables.listing("orders")

    assert [column.key for column in found.chosen(["status", "gone", "number"])] == [
        "number",
        "status",
    ]
    assert page.turn_of(found, "-nothing", {})[1] == ""
