"""The shop played at random: sound books whatever happens, and the same ones everywhere."""

import os
from collections.abc import Iterator

import pytest
from flask import Flask
from flask_migrate import upgrade

from app.core import db as core
from app.core.db import db
from app.factory import create_app
from config import load
from scripts.simulation import books, faults
from scripts.simulation.world import World
from tests.conftest import empty_tables

# On SQLite it would meet itself.
pytestmark = pytest.mark.mariadb_only

STEPS = 150


@pytest.fixture(scope="module")
def on_sqlite(environment, tmp_path_factory) -> Iterator[Flask]:
    """Another app, on a SQLite of its own."""
    folder = tmp_path_factory.mktemp("simulation")
    app = create_app(load({**environment, "DATABASE_URL": f"sqlite:///{folder / 'own.db'}"}))
    with app.app_context():
        upgrade()
    yield app
    with app.app_context():
        db.engine.dispose()


def plainly(app: Flask, seed: int) -> str:
    """The digest of a run on this app in which no database fault happens."""
    db.session.remove()
    with app.app_context():
        try:
            World(seed).run(STEPS)
            return books.digest()
        finally:
            db.session.remove()
            empty_tables()


# Others on demand: TEST_SIMULATION_SEEDS=7,8,9.
@pytest.mark.parametrize("seed", os.environ.get("TEST_SIMULATION_SEEDS", "1").split(","))
def test_the_books_are_those_of_a_run_without_faults_on_the_other_engine(
    live, on_sqlite, seed, monkeypatch
):
    monkeypatch.setattr(core.time, "sleep", lambda _seconds: None)
    expected = plainly(on_sqlite, int(seed))

    world = World(int(seed))
    with faults.thrown(int(seed)) as thrown:
        world.run(STEPS)

    assert books.digest() == expected
    assert thrown.count > 4
    # Of an empty shop the two would agree as well.
    assert len(books.told(books.Since())) > 100
