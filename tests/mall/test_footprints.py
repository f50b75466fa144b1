"""Footprints are written together, a moment later (`app.mall.footprints`)."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from app import interests
from app.core import clock
from app.core.db import db
from app.mall.footprints import Footprints
from tests.factories import NOON, make_member, make_sku


def wait() -> None:
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join()


def test_what_was_seen_within_a_moment_is_written_together(live):
    member, first, second = make_member(), make_sku(), make_sku()
    ids = member.id, first.product_id, second.product_id
    db.session.rollback()
    held = Footprints(live, seconds=0.01)
    held.add(ids[0], ids[1], now=NOON)
    held.add(ids[0], ids[2], now=NOON + timedelta(seconds=1))
    wait()

    seen = interests.visits_of(ids[0], now=NOON)

    assert [row.product.id for row in seen] == [ids[2], ids[1]]


def test_when_there_are_many_nothing_waits(session, app, monkeypatch):
    monkeypatch.setattr("app.mall.footprints.HELD_MAX", 1)
    member, sku = make_member(), make_sku()

    Footprints(app, seconds=60).add(member.id, sku.product_id, now=NOON)

    assert len(interests.visits_of(member.id, now=NOON)) == 1


def test_the_history_shows_at_once_what_this_process_holds(client, me, app, monkeypatch):
    product_id = make_sku(title="明前龙井").product_id
    held = Footprints(app, seconds=60)
    monkeypatch.setitem(app.extensions, "footprints", held)
    held._held[me.id, product_id] = clock.now()
    with client.session_transaction() as kept:
        # Who was counted today is not noted for later once more.
        kept["day"] = clock.local(clock.now()).date().isoformat()

    assert "明前龙井" in client.get("/me/history").text
    assert held._held == {}


def test_a_busy_database_costs_the_footprints_and_no_page(session, app, monkeypatch):
    member, sku = make_member(), make_sku()

    def busy(_seen):
        raise OperationalError("INSERT", {}, Exception("busy"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interests, "visit", busy)
        Footprints(app, seconds=0).add(member.id, sku.product_id, now=NOON)

    assert interests.visits_of(member.id, now=NOON) == []
