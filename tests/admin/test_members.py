"""Members at the desk: finding one, and everything about one."""

import pytest

from app import members, orders
from app.core.db import transaction
from app.orders import Bought
from tests.admin.desk import acts
from tests.aftersales.steps import sale
from tests.factories import (
    bind,
    code_of,
    make_distributor,
    make_member,
    make_sku,
    paid_order,
    place_order,
)

pytestmark = pytest.mark.usefixtures("session")


@pytest.fixture
def client(admin_client):
    return admin_client("owner")


def found_by(client, wanted: str, state: str = "") -> list[str]:
    page = client.get("/admin/members", query_string={"wanted": wanted, "state": state}).text
    return [name for name in ("王芳", "陈梅", "林洁") if f">{name}<" in page]


def test_a_member_is_found_by_name_number_code_and_order(client):
    fang, mei, _ = make_member("王芳"), make_distributor("陈梅"), make_member("林洁")
    order = paid_order(fang, make_sku())

    assert found_by(client, "") == ["王芳", "陈梅", "林洁"]
    assert found_by(client, "芳") == ["王芳"]
    assert found_by(client, fang.public_id.lower()) == ["王芳"]
    assert found_by(client, code_of(mei)) == ["陈梅"]
    assert found_by(client, order.number) == ["王芳"]
    assert found_by(client, "%") == []


def test_members_are_narrowed_to_followers_and_others(client):
    fang, mei = make_member("王芳"), make_member("陈梅")
    with transaction():
        fang.is_subscribed, mei.is_subscribed = True, False

    assert found_by(client, "", "follower") == ["王芳"]
    assert found_by(client, "", "stranger") == ["陈梅"]
    assert found_by(client, "", "gone") == []


def test_what_was_bought_is_what_was_paid_and_not_given_back():
    sold = sale(received=True, pieces=3)
    row = sold.ask(fen=40_00)
    sold.agree(row)
    sold.send(row)
    sold.end(row)
    place_order(sold.buyer, make_sku())
    nobody = make_member()

    found = orders.bought_by([sold.buyer.id, nobody.id])

    assert found == {sold.buyer.id: Bought(1, 260_00, sold.order.paid_at)}


def test_a_members_page_shows_orders_chain_money_and_notes(client):
    fang, mei = make_member("王芳"), make_distributor("陈梅")
    bind(fang, mei)
    order = paid_order(fang, make_sku(price_fen=88_00))

    client.post(f"/admin/members/{fang.id}/note", data={"note": "老顾客，喜欢绿茶"})
    page = client.get(f"/admin/members/{fang.id}").text

    assert order.number in page
    assert f'href="/admin/members/{mei.id}"' in page
    assert "老顾客，喜欢绿茶" in page
    assert "¥88.00" in page
    assert "付款成功" in page


def test_an_empty_note_is_refused_and_kept_nowhere(client):
    fang = make_member("王芳")

    answer = client.post(f"/admin/members/{fang.id}/note", data={"note": " "})

    assert answer.status_code == 422
    assert list(members.notes.of_member(fang.id)) == []


def test_a_member_that_is_not_there_is_not_found(client):
    assert client.get("/admin/members/999999").status_code == 404


def test_customer_service_finds_members(admin_client):
    fang = make_member("王芳")
    client = admin_client("support")

    assert found_by(client, "王芳") == ["王芳"]
    assert client.get(f"/admin/members/{fang.id}").status_code == 200


def tag(client, member, **fields):
    return client.post(f"/admin/members/{member.id}/tags", data=fields)


def test_members_are_tagged_and_found_by_their_tag(client):
    fang, _ = make_member("王芳"), make_member("林洁")

    tag(client, fang, tag="  老  顾客 ")
    tag(client, fang, tag="老 顾客")

    assert [row.name for row in members.tags.of_member(fang.id)] == ["老 顾客"]
    assert [entry.subject_id for entry in acts("member.tag")] == [fang.id]
    page = client.get("/admin/members", query_string={"tag": "老 顾客"}).text
    assert (">王芳<" in page, ">林洁<" in page) == (True, False)

    tag(client, fang, remove="老 顾客")

    assert (list(members.tags.of_member(fang.id)), members.tags.known()) == ([], [])
    assert len(acts("member.untag")) == 1


@pytest.mark.parametrize("text", [" ", "长" * 13])
def test_a_tag_without_words_or_with_too_many_is_refused(client, text):
    fang = make_member("王芳")

    answer = tag(client, fang, tag=text)

    assert answer.status_code == 422
    assert "标签应为 1 到 12 个字" in answer.text
    assert list(members.tags.of_member(fang.id)) == []


def test_ten_tags_are_enough_for_a_member(client):
    fang = make_member("王芳")
    for number in range(10):
        tag(client, fang, tag=f"标签{number}")

    assert "最多 10 个标签" in tag(client, fang, tag="又一个").text
    assert len(members.tags.of_member(fang.id)) == 10


def test_who_may_only_look_neither_tags_nor_untags(admin_client):
    fang = make_member("王芳")
    owner, auditor = admin_client("owner"), admin_client("auditor")
    tag(owner, fang, tag="老顾客")

    assert tag(auditor, fang, remove="老顾客").status_code == 403
    assert [row.name for row in members.tags.of_member(fang.id)] == ["老顾客"]
    assert "去掉标签" not in auditor.get(f"/admin/members/{fang.id}").text
