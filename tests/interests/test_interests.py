"""What members like and looked at."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import catalog, interests
from app.core.db import db, transaction
from app.core.errors import NotFound
from app.interests import Favourite, Visit
from tests.factories import ADMIN, NOON, days, make_member, make_sku


def like(member, sku, now=NOON):
    with transaction():
        interests.like(member.id, sku.product_id, now=now)


def see(member, sku, now=NOON):
    with transaction():
        interests.visit({(member.id, sku.product_id): now})


def liked(member, **wanted):
    page = interests.favourites_of(member.id, now=NOON, **wanted)
    return [(row.product.id, row.fell_fen) for row in page.items]


def take_off(sku):
    with transaction():
        catalog.products.take_off_shelf([sku.product_id], actor=ADMIN, now=NOON)


def test_a_favourite_says_by_how_much_it_fell(session):
    member, sku = make_member(), make_sku(price_fen=100_00)
    like(member, sku)
    with transaction():
        sku.price_fen = 88_50

    assert liked(member) == [(sku.product_id, 11_50)]


def test_what_became_dearer_did_not_fall(session):
    member, sku = make_member(), make_sku(price_fen=100_00)
    like(member, sku)
    with transaction():
        sku.price_fen = 120_00

    assert liked(member) == [(sku.product_id, 0)]


def test_liking_twice_keeps_the_first_price(session):
    member, sku = make_member(), make_sku(price_fen=100_00)
    like(member, sku)
    with transaction():
        sku.price_fen = 80_00
    like(member, sku)

    assert liked(member) == [(sku.product_id, 20_00)]


def test_unliking_is_harmless_twice(session):
    member, sku = make_member(), make_sku()
    like(member, sku)

    for _ in range(2):
        with transaction():
            interests.unlike(member.id, sku.product_id)

    assert liked(member) == []


def test_what_left_the_shelf_stands_apart(session):
    member, here, gone = make_member(), make_sku(), make_sku()
    like(member, here)
    like(member, gone)
    take_off(gone)

    assert liked(member) == [(here.product_id, 0)]
    assert liked(member, is_on_sale=False) == [(gone.product_id, 0)]


def test_what_is_not_on_sale_cannot_be_liked(session):
    member, sku = make_member(), make_sku(is_on_shelf=False)

    with pytest.raises(NotFound):
        like(member, sku)

    assert interests.favourite_count(member.id) == 0


def test_favourites_have_an_end(session, monkeypatch):
    monkeypatch.setattr("app.interests.service.FAVOURITES_MAX", 1)
    member, first, second = make_member(), make_sku(), make_sku()
    like(member, first)

    with pytest.raises(interests.TooManyFavourites):
        like(member, second)

    assert liked(member) == [(first.product_id, 0)]


def test_looking_again_moves_the_one_row(session):
    member, first, second = make_member(), make_sku(), make_sku()
    see(member, first)
    see(member, second, NOON + timedelta(minutes=1))
    see(member, first, NOON + timedelta(minutes=2))

    seen = interests.visits_of(member.id, now=NOON)

    assert [row.product.id for row in seen] == [first.product_id, second.product_id]
    assert seen[0].seen_at == NOON + timedelta(minutes=2)


def test_clearing_takes_ones_own_only(session):
    member, other, sku = make_member(), make_member(), make_sku()
    see(member, sku)
    see(other, sku)

    with transaction():
        interests.clear_visits(member.id)

    assert db.session.scalars(sa.select(Visit.member_id)).all() == [other.id]


def test_tidying_takes_the_old_and_the_many(session, monkeypatch):
    monkeypatch.setattr("app.interests.queries.VISITS_SHOWN", 2)
    member, other = make_member(), make_member()
    skus = [make_sku() for _ in range(3)]
    for number, sku in enumerate(skus):
        see(member, sku, NOON + timedelta(minutes=number))
    see(other, skus[0], NOON - days(91))
    see(other, skus[1], NOON - days(90))

    with transaction():
        removed = interests.tidy(now=NOON)

    assert removed == 2
    left = db.session.execute(sa.select(Visit.member_id, Visit.product_id)).all()
    assert {tuple(row) for row in left} == {
        (member.id, skus[1].product_id),
        (member.id, skus[2].product_id),
        (other.id, skus[1].product_id),
    }


def test_erasing_leaves_nothing(session):
    member, sku = make_member(), make_sku()
    like(member, sku)
    see(member, sku)

    with transaction():
        interests.erase(member.id)

    assert db.session.scalars(sa.select(Favourite.id)).all() == []
    assert db.session.scalars(sa.select(Visit.member_id)).all() == []
