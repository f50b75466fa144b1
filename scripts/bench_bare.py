"""What the mall's pages are measured against: the same work, bare.

A Flask app without login, settings, headers, logs or checks, on the benchmark's own
database, served like the mall. `/` is bare Flask; `/list` one Core query and twenty
cards; `/product/<id>` an ORM page with three queries and a base template; `/place`
the statements of placing an order, written with SQLAlchemy Core.
"""

import os
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask, redirect, render_template, request
from flask.typing import ResponseReturnValue
from jinja2 import DictLoader
from sqlalchemy.orm import Session, selectinload

from app import catalog, distribution, members, orders, reviews, settings
from app.audit import StateMove
from app.core import crypto
from app.orders.models import OrderSeat, Payment

engine = sa.create_engine(
    os.environ["DATABASE_URL"],
    isolation_level="READ COMMITTED",
    pool_pre_ping=True,
    pool_size=8,
    max_overflow=8,
)
# Receivers are sealed at rest here, too.
crypto.configure(os.environ["DATA_KEYS"])
app = Flask(__name__)
app.jinja_loader = DictLoader(
    {
        "base.html": "<!doctype html><html><head><title>{% block title %}{% endblock %}</title>"
        "</head><body><header>云集好物</header>{% block body %}{% endblock %}"
        "<footer>首页 分类 购物车 我的</footer></body></html>",
        "list.html": "{% extends 'base.html' %}{% block body %}{% for row in rows %}"
        "<a class=card href='/p/{{ row.id }}'><img src='/media/{{ row.pictures[0] }}'>"
        "<b>{{ row.title }}</b><span>¥{{ '%.2f' % (row.price_fen / 100) }}</span>"
        "<i>{{ row.sold_count }}</i></a>{% endfor %}{% endblock %}",
        "product.html": "{% extends 'base.html' %}{% block title %}{{ product.title }}"
        "{% endblock %}{% block body %}{% for path in product.pictures %}"
        "<img src='/media/{{ path }}'>{% endfor %}<h1>{{ product.title }}</h1>"
        "<p>{{ product.subtitle }}</p>{% for sku in product.skus %}<label>{{ sku.name }} "
        "¥{{ '%.2f' % (sku.price_fen / 100) }} {{ sku.stock }}</label>{% endfor %}"
        "{% for review in newest %}<p>{{ review.stars }} {{ review.text }}</p>{% endfor %}"
        "<div>{{ product.description | safe }}</div>{% endblock %}",
    }
)


@app.get("/")
@app.get("/healthz")
def plain() -> str:
    return "ok"


@app.get("/list")
def listed() -> str:
    products, skus = catalog.Product.__table__, catalog.Sku.__table__
    query = (
        sa.select(
            products.c.id,
            products.c.title,
            products.c.pictures,
            products.c.sold_count,
            sa.select(sa.func.min(skus.c.price_fen))
            .where(skus.c.product_id == products.c.id)
            .scalar_subquery()
            .label("price_fen"),
        )
        .where(products.c.is_on_shelf)
        .order_by(products.c.sort, products.c.id.desc())
        .limit(20)
    )
    with engine.connect() as connection:
        return render_template("list.html", rows=connection.execute(query).all())


@app.get("/product/<int:product_id>")
def product(product_id: int) -> str:
    with Session(engine) as session:
        found = session.scalars(
            sa.select(catalog.Product)
            .filter_by(id=product_id)
            .options(selectinload(catalog.Product.skus))
        ).one()
        newest = session.scalars(
            sa.select(reviews.Review)
            .filter_by(product_id=product_id)
            .order_by(reviews.Review.id.desc())
            .limit(3)
        ).all()
        return render_template("product.html", product=found, newest=newest)


@app.post("/place")
def place() -> ResponseReturnValue:
    sku_id, member_id = int(request.form["sku"]), int(request.form["member"])
    with engine.begin() as connection:
        number = _placed(connection, member_id, sku_id, request.form["request_key"])
    return redirect(f"/orders/{number}", 303)


def _placed(connection: sa.Connection, member_id: int, sku_id: int, key: str) -> str:
    """Look up what an order copies, write its rows, take the stock as the last thing."""
    now = datetime.now(UTC)

    def rows(*columns: Any) -> sa.Row[Any] | None:
        return connection.execute(sa.select(*columns[:-1]).where(columns[-1]).limit(1)).first()

    def put(table: Any, values: Any) -> Any:
        return connection.execute(sa.insert(table), values)

    member, sku, order = members.Member, catalog.Sku, orders.Order
    rows(order.id, sa.and_(order.member_id == member_id, order.request_key == key))
    buyer = connection.execute(
        sa.select(member.id, member.status, member.upline1_id, member.upline2_id)
        .where(member.id == member_id)
        .with_for_update()
    ).one()
    address = rows(
        members.Address.name,
        members.Address.phone,
        members.Address.region,
        members.Address.detail,
        members.Address.member_id == member_id,
    )
    wanted = connection.execute(
        sa.select(
            sku.price_fen,
            sku.cost_fen,
            sku.name,
            sku.product_id,
            catalog.Product.title,
            catalog.Product.pictures,
            catalog.Product.category_id,
        )
        .join(catalog.Product)
        .where(sku.id == sku_id)
    ).one()
    rows(
        settings.models.SettingChange.value,
        settings.models.SettingChange.key == "order.expire_minutes",
    )
    seats = connection.execute(
        sa.select(
            distribution.Distributor.member_id,
            distribution.Distributor.level,
            distribution.Distributor.status,
        ).where(
            distribution.Distributor.member_id.in_([member_id, buyer.upline1_id, buyer.upline2_id])
        )
    ).all()
    number = f"M{secrets.token_hex(12)}"
    order_id = put(
        order,
        {
            "number": number,
            "request_key": key,
            "member_id": member_id,
            "status": "unpaid",
            "goods_fen": wanted.price_fen,
            "payable_fen": wanted.price_fen,
            "freight_fen": 0,
            "discount_fen": 0,
            "receiver_name": address.name if address else "",
            "receiver_phone": address.phone if address else "",
            "receiver_region": address.region if address else "",
            "receiver_detail": address.detail if address else "",
            "remark": "",
            "created_at": now,
            "expires_at": now + timedelta(minutes=30),
        },
    ).inserted_primary_key[0]
    put(
        OrderSeat,
        [
            {
                "order_id": order_id,
                "position": position,
                "member_id": seat.member_id,
                "level": seat.level,
                "is_active": True,
            }
            for position, seat in enumerate(seats)
        ],
    )
    put(
        Payment,
        {
            "order_id": order_id,
            "out_trade_no": f"P{secrets.token_hex(12)}",
            "amount_fen": wanted.price_fen,
            "created_at": now,
        },
    )
    put(
        StateMove,
        {
            "subject": "order",
            "subject_id": order_id,
            "from_state": "",
            "to_state": "unpaid",
            "actor": f"member:{member_id}",
            "note": "",
            "at": now,
        },
    )
    # Lines and moves refer to the SKU: locked by them first, its update would deadlock.
    connection.execute(sa.select(sku.id).where(sku.id == sku_id).with_for_update())
    line_id = put(
        orders.OrderLine,
        {
            "order_id": order_id,
            "product_id": wanted.product_id,
            "sku_id": sku_id,
            "title": wanted.title,
            "sku_name": wanted.name,
            "picture": "",
            "category_ids": [wanted.category_id],
            "quantity": 1,
            "unit_price_fen": wanted.price_fen,
            "unit_cost_fen": wanted.cost_fen,
            "paid_fen": wanted.price_fen,
        },
    ).inserted_primary_key[0]
    put(
        catalog.StockMove,
        {
            "key": f"order:{order_id}:{line_id}",
            "sku_id": sku_id,
            "delta": -1,
            "reason": "order",
            "actor": "",
            "at": now,
        },
    )
    taken = connection.execute(
        sa.update(sku).where(sku.id == sku_id, sku.stock >= 1).values(stock=sku.stock - 1)
    )
    if taken.rowcount != 1:
        raise RuntimeError("sold out")
    return number
