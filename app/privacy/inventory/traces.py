"""What the member said, showed and looked at."""

import sqlalchemy as sa

from app.catalog import Product
from app.content.sharing import Article, ArticleRead
from app.core.db import db
from app.interests import Favourite, Visit, VisitorDay
from app.orders.cart.models import CartLine
from app.privacy.inventory.reading import UNTIL_GONE, every, read
from app.privacy.parts import Section
from app.reviews import Review
from app.uploads import MemberUpload


def said(member_id: int) -> list[Section]:
    columns = (
        ("title", "商品"),
        ("stars", "星级"),
        ("text", "评价"),
        ("followup_text", "追评"),
        ("is_anonymous", "匿名"),
        ("status", "状态"),
        ("created_at", "评价时间"),
    )
    reviews = every(sa.select(Review).filter_by(member_id=member_id).order_by(Review.id))
    picture_columns = (("path", "文件"), ("created_at", "上传时间"))
    pictures = every(sa.select(MemberUpload).filter_by(member_id=member_id))
    return [
        Section(
            "reviews",
            "评价",
            "展示给其他顾客参考",
            "注销账号时删除",
            columns,
            read(reviews, columns),
        ),
        Section(
            "uploads",
            "上传的图片",
            "展示在你的评价等内容里",
            "没有用到的一天后删除；其余注销时删除",
            picture_columns,
            read(pictures, picture_columns),
        ),
    ]


def looked_at(member_id: int) -> list[Section]:
    columns = (("product", "商品"), ("was_fen", "收藏时价格"), ("added_at", "收藏时间"))
    favourites = db.session.execute(
        sa.select(Product.title.label("product"), Favourite.was_fen, Favourite.added_at)
        .join(Product, Product.id == Favourite.product_id)
        .where(Favourite.member_id == member_id)
        .order_by(Favourite.id)
    ).mappings()
    seen_columns = (("product", "商品"), ("seen_at", "浏览时间"))
    visits = db.session.execute(
        sa.select(Product.title.label("product"), Visit.seen_at)
        .join(Product, Product.id == Visit.product_id)
        .where(Visit.member_id == member_id)
        .order_by(Visit.seen_at)
    ).mappings()
    days = db.session.execute(
        sa.select(VisitorDay.day, VisitorDay.first_at)
        .where(VisitorDay.member_id == member_id)
        .order_by(VisitorDay.day)
    ).mappings()
    read_columns = (("article", "文章"), ("read_at", "读完时间"))
    reads = db.session.execute(
        sa.select(Article.title.label("article"), ArticleRead.read_at)
        .join(Article, Article.id == ArticleRead.article_id)
        .where(ArticleRead.member_id == member_id)
        .order_by(ArticleRead.read_at)
    ).mappings()
    cart_columns = (("sku", "规格编号"), ("quantity", "数量"), ("added_at", "加入时间"))
    cart = every(sa.select(CartLine).filter_by(member_id=member_id).order_by(CartLine.id))
    return [
        Section(
            "favourites",
            "收藏",
            "方便你再次找到",
            UNTIL_GONE,
            columns,
            [dict(r) for r in favourites],
        ),
        Section(
            "visits",
            "浏览足迹",
            "方便你找回看过的商品",
            "90 天，或你清空时",
            seen_columns,
            [dict(r) for r in visits],
        ),
        Section(
            "visitor_days",
            "来访日期",
            "统计商城每天的访客人数",
            "90 天，或注销账号时删除",
            (("day", "日期"), ("first_at", "当天首次打开")),
            [dict(r) for r in days],
        ),
        Section(
            "training",
            "培训记录",
            "显示你读过哪些培训文章",
            "注销账号时删除",
            read_columns,
            [dict(r) for r in reads],
        ),
        Section(
            "cart",
            "购物车",
            "保存你选好的商品",
            UNTIL_GONE,
            cart_columns,
            [
                {"sku": row.sku_id, "quantity": row.quantity, "added_at": row.added_at}
                for row in cart
            ],
        ),
    ]
