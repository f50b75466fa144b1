"""Saved views of the panel's lists."""

import pytest
import sqlalchemy as sa

from app.admin.tables.models import ListChoice, ListView
from app.core.db import db
from tests.admin.desk import acts
from tests.admin.lists import heads, numbers


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


def test_a_view_that_is_no_more_leaves_the_filters(session, admin_client):
    assert admin_client("operations").get("/admin/orders?state=paid&view=999").status_code == 200
