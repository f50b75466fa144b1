import pytest
import sqlalchemy as sa

from app.catalog import Sku
from app.core.db import db, transaction
from app.core.errors import DomainError
from app.members import Member, MemberStatus
from app.orders import Order
from tests.factories import make_member, make_sku, place_order


def test_a_blocked_member_buys_nothing(session):
    buyer, sku = make_member(), make_sku(stock=5)
    with transaction():
        db.session.get_one(Member, buyer.id).status = MemberStatus.BLOCKED

    with pytest.raises(DomainError, match="账号已被限制"):
        place_order(buyer, sku)

    assert db.session.scalar(sa.select(sa.func.count(Order.id))) == 0
    assert db.session.get_one(Sku, sku.id, populate_existing=True).stock == 5
