"""Every address of the phone side that names somebody's own, asked by somebody else."""

from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.routing import Rule

from app.core.db import db
from app.members import Member
from tests.admin.desk import Desk, fill
from tests.factories import make_address
from tests.withdrawals.byhand import add_account

pytestmark = pytest.mark.engine_free

# For everybody, or the asker's own by what they are: goods, months, signed links.
EVERYBODYS = {
    *("mall.product", "mall.favourite", "mall.product_poster", "mall.product_reviews"),
    *("mall.product_preview", "mall.poster_file", "mall.media", "mall.referral"),
    *("mall.statement_pdf", "mall.statement_csv", "mall.certificate_pdf", "mall.my_data_file"),
    *("mall.statement", "mall.statement_link", "mall.certificate_link", "mall.mute_messages"),
    *("mall.article", "mall.article_read"),
    *("api.show_product", "api.change_cart", "api.remove_from_cart"),
}

# What would be taken of the owner.
BODIES = {
    "api.change_address": {
        "name": "王芳",
        "phone": "13900000000",
        "region": "浙江省 杭州市 西湖区",
        "detail": "文三路 1 号",
        "agreed": True,
    }
}


def is_phones(rule: Rule) -> bool:
    return rule.endpoint.startswith("mall.") or rule.rule.startswith(
        ("/api/v1/me/", "/api/v1/mall/")
    )


@pytest.fixture
def owned(me: Any, weixin: Any) -> dict[str, Any]:
    """What belongs to people who are not `me`, by the name in the address."""
    desk: Desk = fill()
    earner = db.session.get_one(Member, desk.withdrawal.member_id)
    return {
        "address_id": make_address(earner).id,
        "payee_id": add_account(earner).id,
        "commission_id": desk.commission.id,
        "result_id": desk.bonus.id,
        "review_id": desk.review_id,
        "posting_id": desk.posting_id,
        "place": 1,
        "order": desk.order.number,
        "aftersale": desk.aftersale.number,
        "withdrawal": desk.withdrawal.number,
    }


def values(rule: Rule, owned: dict[str, Any]) -> dict[str, Any]:
    found = {name: owned[name] for name in rule.arguments if name != "number"}
    if "number" in rule.arguments:
        kinds = ("aftersales", "withdrawals")
        kind = next((kind for kind in kinds if f"/{kind}/" in rule.rule), "orders")
        found["number"] = owned[kind[:-1]]
    return found


def test_what_is_somebody_elses_is_not_there(app, client, me, owned):
    before = counts()
    refused, asked = [], 0
    with app.test_request_context():
        urls = app.url_map.bind("mall.test")
    token = client.get("/api/v1/me").json["csrf_token"]
    for rule in app.url_map.iter_rules():
        if not rule.arguments or not is_phones(rule) or rule.endpoint in EVERYBODYS:
            continue
        address = urls.build(rule.endpoint, values(rule, owned))
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            answer = client.open(
                address,
                method=method,
                headers={"X-CSRF-Token": token, "Idempotency-Key": f"{method}{address}"[:64]},
                json=BODIES.get(rule.endpoint, {}) if rule.rule.startswith("/api/") else None,
            )
            asked += 1
            if answer.status_code != 404:
                refused.append((method, rule.rule, answer.status_code))

    assert refused == []
    assert asked > 30
    assert counts() == before


def counts() -> dict[str, int]:
    """How many rows each table has, but for those that say who asked at all."""
    return {
        table.name: db.session.scalar(sa.select(sa.func.count()).select_from(table))
        for table in db.metadata.sorted_tables
        if table.name not in ("api_writes", "visitor_days")
    }
