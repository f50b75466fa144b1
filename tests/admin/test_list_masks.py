"""What of people's data each role sees in the panel's lists."""

import re

import pytest
import sqlalchemy as sa

from app import members
from app.admin import tables
from app.admin.models import Role
from app.admin.tables import Personal, masks
from app.core.db import db, transaction
from app.members import Address
from app.orders import Order
from tests.admin.desk import fill
from tests.admin.lists import lines_of
from tests.admin.test_access import address as address_of
from tests.admin.test_access import admin_rules

PHONE = "13812345678"
FULL_PHONE = re.compile(r"(?<![0-9A-Za-z])1[3-9]\d{9}(?!\d)")


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
