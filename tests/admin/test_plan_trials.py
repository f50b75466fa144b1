"""A plan is tried on one sale and on real orders, beside the one in force."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.commission import Commission
from app.core import clock
from app.core.db import db
from tests.admin.desk import draft_plan
from tests.factories import (
    PLAN,
    bind,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    paid_order,
)
from tests.mall.pages import text_of


def test_one_sale_is_told_step_by_step_beside_the_plan_in_force(session, admin_client):
    make_plan(now=clock.now() - timedelta(hours=1))
    sku = make_sku(price_fen=100_00)
    plan = draft_plan({**PLAN, "base": "profit", "mode": "differential", "line_cap_bps": 500})

    page = text_of(
        admin_client("auditor").get(
            f"/admin/plans/{plan.id}/try?product={sku.product_id}&sku={sku.id}&quantity=2"
            "&level0=none&level1=normal&level2=normal&level3=none"
        )
    )

    assert "计佣基数：利润，实付减成本 ¥40.00 × 2，不足零按零¥120.00" in page
    assert "各级合计最多：实付的 5%¥10.00" in page
    assert "默认费率 10%，得 ¥12.00，上限只剩 ¥10.00¥10.00" in page
    assert "级差减去更近的 ¥12.00，剩 ¥0.00" in page
    assert "佣金合计¥10.00" in page
    assert "佣金合计¥30.00" in page


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("&quantity=0", "数量应为 1 到 999 的整数"),
        ("&quantity=1000", "数量应为 1 到 999 的整数"),
        ("&quantity=1&paid=1e3&priced={sku}x1", "实付金额格式不正确"),
    ],
)
def test_a_sale_that_cannot_be_read_is_said_at_its_field(session, admin_client, query, says):
    plan, sku = draft_plan(), make_sku()

    answer = admin_client("auditor").get(
        f"/admin/plans/{plan.id}/try?product={sku.product_id}{query.format(sku=sku.id)}"
    )

    assert answer.status_code == 200
    assert says in answer.text
    assert "佣金合计" not in answer.text


def test_real_orders_are_computed_under_both_plans(session, admin_client):
    now = clock.now()
    make_plan(now=now - timedelta(hours=1))
    near, buyer = make_distributor("陈梅"), make_member()
    bind(buyer, near)
    paid_order(buyer, make_sku(price_fen=100_00), now=now)
    plan = draft_plan()
    booked = [row.amount_fen for row in db.session.scalars(sa.select(Commission))]

    page = text_of(admin_client("auditor").get(f"/admin/plans/{plan.id}/replay?days=7"))

    assert booked == [10_00]
    assert "共 1 单，全部计入" in page
    assert "这个方案的佣金¥12.00占销售额12%" in page
    assert "现行方案的佣金¥10.00占销售额10%相差+¥2.00" in page
    assert "陈梅¥12.00¥10.00+¥2.00" in page
    last_month = admin_client("auditor").get(f"/admin/plans/{plan.id}/replay?days=month").text
    assert "这段时间没有付款的订单" in last_month
