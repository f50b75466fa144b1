"""Plans and scenarios are read strictly; a refusal names the path of the value."""

import copy
from typing import Any

import pytest

from app.commission.documents import quote_scenario, read_plan, write_rate
from app.commission.quote import Rate, Step, TierBy
from app.core.errors import InvalidInput

PLAN: dict[str, Any] = {
    "depth_cap": 2,
    "base": "paid",
    "mode": "fixed",
    "self_purchase": "off",
    "inactive_upline": "skip",
    "line_cap_bps": 3000,
    "default": {"1": {"bps": 1000}, "2": {"fen": 100}},
    "levels": {"gold": {"1": {"bps": 1200}}},
    "categories": {"3": {"1": {"tiers": {"by": "margin", "steps": [{"from": 0, "bps": 1}]}}}},
    "products": {"7": {"excluded": True}, "8": {"1": {"fen": 0}}},
}
SCENARIO: dict[str, Any] = {
    "plan": PLAN,
    "buyer": {"id": 1, "level": None, "active": False},
    "uplines": [{"id": 2, "level": "gold", "active": True}],
    "order": {
        "lines": [
            {
                "id": "a",
                "product": 9,
                "categories": [1],
                "qty": 1,
                "paid_fen": 100_00,
                "unit_cost_fen": 0,
            }
        ]
    },
    "refunds": [{"line": "a", "refunded_fen": 50_00}],
}


def changed(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy in which the value at `path` is another one (or gone, for `...`)."""
    result = copy.deepcopy(document)
    *parents, last = path.split(".")
    target: Any = result
    for name in parents:
        target = target[int(name)] if isinstance(target, list) else target[name]
    if value is ...:
        del target[last]
    else:
        target[int(last) if isinstance(target, list) else last] = value
    return result


def test_a_whole_plan_is_read():
    plan = read_plan(PLAN)

    assert (plan.depth_cap, plan.line_cap_bps) == (2, 3000)
    assert plan.default == {1: Rate(bps=1000), 2: Rate(fen=100)}
    assert plan.levels == {"gold": {1: Rate(bps=1200)}}
    assert plan.categories == {3: {1: Rate(tier_by=TierBy.MARGIN, steps=(Step(0, bps=1),))}}
    assert plan.products == {7: None, 8: {1: Rate(fen=0)}}


def test_tables_may_be_left_out():
    plan = read_plan({k: v for k, v in PLAN.items() if not isinstance(v, dict)})

    assert (plan.default, plan.levels, plan.categories, plan.products) == ({}, {}, {}, {})


@pytest.mark.parametrize(
    ("path", "value", "field", "message"),
    [
        ("colour", "red", "colour", "方案中有不认识的字段 colour"),
        ("depth_cap", ..., "depth_cap", "depth_cap 应为整数"),
        ("depth_cap", 0, "depth_cap", "depth_cap 应在 1 到 3 之间"),
        ("depth_cap", 4, "depth_cap", "depth_cap 应在 1 到 3 之间"),
        ("depth_cap", True, "depth_cap", "depth_cap 应为整数"),
        ("depth_cap", "2", "depth_cap", "depth_cap 应为整数"),
        ("depth_cap", 2.0, "depth_cap", "depth_cap 应为整数"),
        ("base", "price", "base", "base 应是 paid、profit 之一"),
        ("base", ["paid"], "base", "base 应是 paid、profit 之一"),
        ("mode", ..., "mode", "mode 应是 fixed、differential 之一"),
        ("self_purchase", "on", "self_purchase", "self_purchase 应是 off、first_level 之一"),
        ("inactive_upline", "", "inactive_upline", "inactive_upline 应是 skip、compress 之一"),
        ("line_cap_bps", -1, "line_cap_bps", "line_cap_bps 应在 0 到 10000 之间"),
        ("line_cap_bps", 10001, "line_cap_bps", "line_cap_bps 应在 0 到 10000 之间"),
        ("default", [], "default", "default 应为对象"),
        ("default.4", {"bps": 1}, "default.4", "default.4 应在 1 到 3 之间"),
        ("default.0", {"bps": 1}, "default.0", "default.0 应在 1 到 3 之间"),
        ("default.x", {"bps": 1}, "default.x", "default 的键应为整数"),
        ("default.²", {"bps": 1}, "default.²", "default 的键应为整数"),
        ("default.1", 10, "default.1", "default.1 应为对象"),
        ("default.1", {}, "default.1", "费率应是 bps、fen、tiers 三者之一"),
        ("default.1", {"rate": 1}, "default.1", "费率应是 bps、fen、tiers 三者之一"),
        ("default.1", {"bps": 1, "fen": 1}, "default.1", "费率应是 bps、fen、tiers 三者之一"),
        ("default.1.bps", 10001, "default.1.bps", "default.1.bps 应在 0 到 10000 之间"),
        ("default.1.bps", -1, "default.1.bps", "default.1.bps 应在 0 到 10000 之间"),
        ("default.1.bps", 0.5, "default.1.bps", "default.1.bps 应为整数"),
        ("default.2.fen", -1, "default.2.fen", "default.2.fen 应在 0 到"),
        ("levels.gold", 3, "levels.gold", "levels.gold 应为对象"),
        ("levels.gold.1.bps", None, "levels.gold.1.bps", "levels.gold.1.bps 应为整数"),
        ("categories.tea", {}, "categories.tea", "categories 的键应为整数"),
        (
            "categories.3.1.tiers.by",
            "count",
            "categories.3.1.tiers.by",
            "categories.3.1.tiers.by 应是 order_paid、margin 之一",
        ),
        (
            "categories.3.1.tiers.steps",
            [],
            "categories.3.1.tiers.steps",
            "阶梯的起点应从小到大且不重复",
        ),
        (
            "categories.3.1.tiers.steps",
            [{"from": 5, "bps": 1}, {"from": 5, "bps": 2}],
            "categories.3.1.tiers.steps",
            "阶梯的起点应从小到大且不重复",
        ),
        (
            "categories.3.1.tiers.steps.0",
            {"from": 0},
            "categories.3.1.tiers.steps.0",
            "每档应写 bps 或 fen 之一",
        ),
        (
            "categories.3.1.tiers.steps.0",
            {"from": 0, "bps": 1, "fen": 1},
            "categories.3.1.tiers.steps.0",
            "每档应写 bps 或 fen 之一",
        ),
        (
            "products.7.excluded",
            False,
            "products.7.excluded",
            "排除商品时只能写 excluded: true",
        ),
        ("products.7.1", {"bps": 1}, "products.7.excluded", "排除商品时只能写 excluded: true"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused_with_its_path(path, value, field, message):
    with pytest.raises(InvalidInput) as refused:
        read_plan(changed(PLAN, path, value))

    assert refused.value.field == field
    assert refused.value.message.startswith(message)


def test_a_plan_that_is_no_object_is_refused():
    with pytest.raises(InvalidInput, match="plan 应为对象"):
        read_plan([])


def test_a_plan_deeper_than_the_server_allows_is_refused():
    with pytest.raises(InvalidInput, match="分佣层级不能超过 2 级") as refused:
        read_plan({**PLAN, "depth_cap": 3}, hard_cap=2)

    assert refused.value.field == "depth_cap"
    assert read_plan({**PLAN, "depth_cap": 3}, hard_cap=3).depth_cap == 3


def test_a_whole_scenario_is_computed():
    assert quote_scenario(SCENARIO) == {
        "lines": [
            {
                "id": "a",
                "base_fen": 100_00,
                "commissions": [
                    {
                        "depth": 1,
                        "beneficiary": 2,
                        "source": "level:gold",
                        "uncapped_fen": 12_00,
                        "amount_fen": 12_00,
                        "after_refund_fen": 6_00,
                    }
                ],
            }
        ],
        "total_fen": 12_00,
    }


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("plan", ..., "plan"),
        ("buyer", ..., "buyer"),
        ("buyer.active", 1, "buyer.active"),
        ("buyer.id", 0, "buyer.id"),
        ("buyer.level", 3, "buyer.level"),
        ("uplines", {}, "uplines"),
        ("uplines.0.active", "yes", "uplines.0.active"),
        ("order", ..., "order"),
        ("order.lines", 1, "order.lines"),
        ("order.lines.0", [], "order.lines.0"),
        ("order.lines.0.qty", 0, "order.lines.0.qty"),
        ("order.lines.0.paid_fen", -1, "order.lines.0.paid_fen"),
        ("order.lines.0.paid_fen", 1.5, "order.lines.0.paid_fen"),
        ("order.lines.0.unit_cost_fen", ..., "order.lines.0.unit_cost_fen"),
        ("order.lines.0.product", None, "order.lines.0.product"),
        ("order.lines.0.categories.0", "1", "order.lines.0.categories.0"),
        ("refunds.0.line", "b", "refunds.0.line"),
        ("refunds.0.refunded_fen", 100_01, "refunds.0.refunded_fen"),
        ("refunds.0.refunded_fen", -1, "refunds.0.refunded_fen"),
    ],
)
def test_a_scenario_that_does_not_fit_is_refused_with_its_path(path, value, field):
    with pytest.raises(InvalidInput) as refused:
        quote_scenario(changed(SCENARIO, path, value))

    assert refused.value.field == field


def test_two_lines_of_one_number_are_refused():
    twice = SCENARIO["order"]["lines"] * 2

    with pytest.raises(InvalidInput, match="订单行编号重复") as refused:
        quote_scenario(changed(SCENARIO, "order.lines", twice))

    assert refused.value.field == "order.lines"


@pytest.mark.parametrize(
    ("rate", "document"),
    [
        (Rate(bps=250), {"bps": 250}),
        (Rate(fen=0), {"fen": 0}),
        (
            Rate(tier_by=TierBy.ORDER_PAID, steps=(Step(0, bps=1), Step(9, fen=2))),
            {
                "tiers": {
                    "by": "order_paid",
                    "steps": [{"from": 0, "bps": 1}, {"from": 9, "fen": 2}],
                }
            },
        ),
    ],
)
def test_a_rate_is_written_as_it_was_read(rate, document):
    assert write_rate(rate) == document
    assert read_plan({**PLAN, "default": {"1": document}}).default == {1: rate}
