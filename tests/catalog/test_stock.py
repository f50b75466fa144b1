"""Stock: taken and given back once a key, never below zero."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app import catalog
from app.catalog import OutOfStock, Sku, SoldOff, StockMove
from app.core.db import db, run_unit
from app.core.errors import NotFound
from tests.factories import NOON, broken_invariants, make_sku
from tests.planting import plant, unchecked
from tests.threads import behind, together


def stock_of(sku_id: int) -> int:
    return db.session.scalar(sa.select(Sku.stock).filter_by(id=sku_id))


def reserve(sku_id: int, count: int, key: str) -> str:
    catalog.reserve(sku_id, count, key=key, now=NOON)
    return "taken"


def moves_of(sku_id: int) -> list[tuple[str, int, str]]:
    rows = db.session.scalars(sa.select(StockMove).filter_by(sku_id=sku_id).order_by(StockMove.id))
    return [(row.key, row.delta, row.reason) for row in rows]


def test_stock_that_is_taken_and_given_back_leaves_its_trace(session):
    sku = make_sku(stock=10)

    run_unit(reserve, sku.id, 3, "order:1:1")
    assert stock_of(sku.id) == 7
    run_unit(catalog.release, sku.id, 3, key="order:1:1:release", now=NOON)

    assert stock_of(sku.id) == 10
    assert moves_of(sku.id)[1:] == [
        ("order:1:1", -3, "下单占用"),
        ("order:1:1:release", 3, "订单关闭释放"),
    ]
    assert broken_invariants() == {}


def test_the_same_key_takes_once(session):
    sku = make_sku(stock=10)

    run_unit(reserve, sku.id, 3, "order:1:1")
    run_unit(reserve, sku.id, 3, "order:1:1")

    assert stock_of(sku.id) == 7
    assert broken_invariants() == {}


def test_the_same_key_gives_back_once(session):
    sku = make_sku(stock=10)
    run_unit(reserve, sku.id, 3, "order:1:1")

    for _ in range(2):
        run_unit(catalog.release, sku.id, 3, key="order:1:1:release", now=NOON)

    assert stock_of(sku.id) == 10
    assert broken_invariants() == {}


def test_the_same_key_adds_once(session):
    sku = make_sku(stock=0)

    for _ in range(2):
        run_unit(catalog.add_stock, sku.id, 5, key="delivery:7", reason="入库", now=NOON)

    assert stock_of(sku.id) == 5
    assert broken_invariants() == {}


def test_the_last_piece_can_be_taken(session):
    sku = make_sku(stock=3)

    run_unit(reserve, sku.id, 3, "order:1:1")

    assert stock_of(sku.id) == 0
    assert broken_invariants() == {}


def test_more_than_is_there_is_refused_and_nothing_is_taken(session):
    sku = make_sku(stock=3)

    with pytest.raises(OutOfStock, match="库存不足，请减少数量或选择其他规格") as refused:
        run_unit(reserve, sku.id, 4, "order:1:1")

    assert refused.value.facts == {"sku": sku.id}
    assert stock_of(sku.id) == 3
    assert len(moves_of(sku.id)) == 1
    assert broken_invariants() == {}


def test_a_refused_key_may_be_used_when_stock_came(session):
    sku = make_sku(stock=3)
    with pytest.raises(OutOfStock):
        run_unit(reserve, sku.id, 4, "order:1:1")
    run_unit(catalog.add_stock, sku.id, 1, key="delivery:7", reason="入库", now=NOON)

    run_unit(reserve, sku.id, 4, "order:1:1")

    assert stock_of(sku.id) == 0
    assert broken_invariants() == {}


def test_the_database_itself_refuses_stock_below_zero(session):
    sku = make_sku(stock=3)

    with pytest.raises(DBAPIError, match="stock_not_negative"):
        plant("UPDATE skus SET stock = -1")

    db.session.rollback()
    assert stock_of(sku.id) == 3


def test_stock_moves_only_inside_a_unit_of_work(session):
    sku = make_sku(stock=3)

    with pytest.raises(RuntimeError, match="inside transaction"):
        reserve(sku.id, 1, "order:1:1")

    assert stock_of(sku.id) == 3


def test_k2_finds_stock_that_its_moves_do_not_give(session):
    sku = make_sku(stock=3)

    plant("UPDATE skus SET stock = 4")

    assert broken_invariants() == {"K2": [f"sku={sku.id}, stock=4, moved=3"]}


def test_k2_finds_stock_below_zero(session):
    sku = make_sku(stock=3)
    with unchecked():
        plant("UPDATE skus SET stock = -1")
        plant("UPDATE stock_moves SET delta = -1")

        assert broken_invariants() == {"K2": [f"sku={sku.id}, stock=-1, moved=-1"]}


def test_only_what_is_on_the_shelf_can_be_bought(session):
    shown, hidden = make_sku(), make_sku(is_on_shelf=False)

    assert set(catalog.skus_for_sale([shown.id])) == {shown.id}
    with pytest.raises(SoldOff, match="商品已下架"):
        catalog.skus_for_sale([shown.id, hidden.id])
    with pytest.raises(NotFound, match="商品不存在或已下架"):
        catalog.product_for_sale(hidden.product_id)
    assert [p.id for p in catalog.browse.hot(NOON)] == [shown.product_id]


def test_a_category_that_is_its_own_ancestor_does_not_hang_the_shop(session):
    sku = make_sku()
    plant("INSERT INTO categories (id, parent_id, name, sort) VALUES (71, NULL, '茶', 0)")
    plant("INSERT INTO categories (id, parent_id, name, sort) VALUES (72, 71, '绿茶', 0)")
    plant("UPDATE categories SET parent_id = 72 WHERE id = 71")
    plant("UPDATE products SET category_id = 72")

    assert catalog.categories_of_products([sku.product_id]) == {sku.product_id: [72, 71]}


@pytest.mark.mariadb_only
def test_sixty_four_who_want_twenty_pieces_take_exactly_twenty(live):
    sku_id = make_sku(stock=20).id
    db.session.rollback()

    found = together(
        live, [lambda n=n: run_unit(reserve, sku_id, 1, f"order:{n}:1") for n in range(64)]
    )

    assert found.count("taken") == 20, found
    assert sum(isinstance(result, OutOfStock) for result in found) == 44
    assert stock_of(sku_id) == 0
    assert broken_invariants() == {}


@pytest.mark.mariadb_only
def test_a_second_buyer_waits_and_sees_what_the_first_left(live):
    sku_id = make_sku(stock=5).id
    db.session.rollback()

    second = behind(
        live,
        lambda: reserve(sku_id, 3, "order:1:1"),
        lambda: run_unit(reserve, sku_id, 3, "order:2:1"),
    )

    assert isinstance(second, OutOfStock)
    assert stock_of(sku_id) == 2
    assert broken_invariants() == {}


@pytest.mark.mariadb_only
def test_one_key_at_once_takes_once(live):
    sku_id = make_sku(stock=20).id
    db.session.rollback()

    found = together(live, [lambda: run_unit(reserve, sku_id, 1, "order:1:1")] * 2)

    assert found == ["taken", "taken"]
    db.session.rollback()
    assert stock_of(sku_id) == 19
    assert broken_invariants() == {}
