"""Sales of one seller at the same moment, on an engine with row locks."""

import pytest
import sqlalchemy as sa

from app import outbox
from app.commission import standing
from app.core.db import db, run_unit, transaction
from app.core.errors import InvalidInput
from app.distribution import levels
from app.distribution.levels import Cause, LevelChange, LevelInUse
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    broken_invariants,
    distributor,
    make_distributor,
    make_level,
    make_member,
    make_sku,
    notice_for,
    place_order,
    take,
)
from tests.threads import behind, together

pytestmark = pytest.mark.mariadb_only


@pytest.fixture
def sold(live):
    """A seller with two paid orders whose news is not delivered; their ids."""
    make_level("senior", 10, "高级分销员", conditions={"own_sales_fen": 200_00})
    make_level("leader", 20, "团长", conditions={"own_sales_fen": 900_00})
    seller, sku = make_distributor("陈梅"), make_sku(price_fen=100_00)
    placed = []
    for name in ("王芳", "赵磊"):
        buyer = make_member(name)
        bind(buyer, seller)
        order = place_order(buyer, sku)
        take(notice_for(order))
        placed.append(order.id)
    member_id, distributor_id = seller.id, distributor(seller).id
    db.session.rollback()
    return member_id, distributor_id, placed


def steps() -> list[tuple[str, str, Cause]]:
    rows = db.session.scalars(sa.select(LevelChange).order_by(LevelChange.id))
    return [(row.from_level, row.to_level, row.cause) for row in rows]


def give(distributor_id: int, code: str):
    return levels.assign(distributor_id, code, reason="奖励", until=None, actor=ADMIN, now=NOON)


@pytest.mark.parametrize("turn", range(3))
def test_two_sales_at_once_lift_once(live, sold, turn):
    _, _, placed = sold

    found = together(
        live, [lambda n=n: run_unit(standing.order_counts, n, NOON) for n in placed * 2]
    )

    assert found == [None] * 4, found
    assert steps() == [("normal", "senior", Cause.EVENT)]
    outbox.drain(NOON)
    assert broken_invariants() == {}


def test_a_sale_behind_another_one_sees_its_step(live, sold):
    member_id, _, _ = sold

    second = behind(
        live,
        lambda: standing.evaluate(member_id, levels.ladder(), NOON),
        lambda: run_unit(lambda: standing.evaluate(member_id, levels.ladder(), NOON)),
    )

    assert second is None
    assert steps() == [("normal", "senior", Cause.EVENT)]


def test_a_sale_behind_an_admins_word_does_not_lower_it(live, sold):
    member_id, distributor_id, _ = sold

    second = behind(
        live,
        lambda: give(distributor_id, "leader"),
        lambda: run_unit(lambda: standing.evaluate(member_id, levels.ladder(), NOON)),
    )

    assert second is None
    assert steps() == [("normal", "leader", Cause.ADMIN)]


def test_a_level_is_not_deleted_under_who_steps_on_it(live, sold):
    _, distributor_id, _ = sold

    second = behind(
        live,
        lambda: give(distributor_id, "leader"),
        lambda: run_unit(levels.remove, "leader", actor=ADMIN, now=NOON),
    )

    assert isinstance(second, LevelInUse)
    with transaction():
        assert levels.ladder().get("leader") is not None


def test_nobody_steps_on_a_level_that_is_being_deleted(live, sold):
    _, distributor_id, _ = sold

    second = behind(
        live,
        lambda: levels.remove("leader", actor=ADMIN, now=NOON),
        lambda: run_unit(give, distributor_id, "leader"),
    )

    assert isinstance(second, InvalidInput)
    assert steps() == []
