"""Lists of the panel: columns, order, filters."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import catalog, ledger, members, orders
from app.admin import tables
from app.admin.tables import Personal, masks, page
from app.admin.tables.models import ListChoice
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
from app.notices import Notice, NoticeState
from app.orders import Order, OrderStatus, Pickup, PickupShop
from app.reconciliation import Break
from tests.admin.desk import acts, fill, paid_late
from tests.admin.lists import heads, lines_of, numbers
from tests.factories import (
    NOON,
    SYSTEM,
    make_distributor,
    make_member,
    make_sku,
    paid_order,
    place_order,
)


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
        ("reconciled-days", {"result": "breaks"}, {"result": "agrees"}),
        ("reconciled-days", {"from": before, "to": today}, {"to": before}),
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


def test_columns_of_a_view_follow_the_declaration():
    found = tables.listing("orders")

    assert [column.key for column in found.chosen(["status", "gone", "number"])] == [
        "number",
        "status",
    ]
    assert page.turn_of(found, "-nothing", {})[1] == ""
