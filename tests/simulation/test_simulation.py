"""The shop played at random: sound books whatever happens, and the same ones everywhere."""

import os
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask_migrate import upgrade

from app.core import db as core
from app.core.db import db
from app.factory import create_app
from config import load
from scripts.simulation import books, faults
from scripts.simulation.world import World
from tests.conftest import empty_tables, engine_name

STEPS = 250


@pytest.fixture
def plainly(live: Flask, environment, tmp_path) -> Iterator[Callable[[int], str]]:
    """`plainly(seed)`: the digest of a run on SQLite, in which no database fault happens."""
    if engine_name() == "sqlite":

        def run_here(seed: int) -> str:
            World(seed).run(STEPS)
            found = books.digest()
            empty_tables()
            return found

        yield run_here
        return
    app = create_app(load({**environment, "DATABASE_URL": f"sqlite:///{tmp_path / 'own.db'}"}))

    def run_there(seed: int) -> str:
        db.session.remove()
        with app.app_context():
            upgrade()
            World(seed).run(STEPS)
            return books.digest()

    yield run_there
    with app.app_context():
        db.engine.dispose()


# Others on demand: TEST_SIMULATION_SEEDS=7,8,9.
@pytest.mark.parametrize("seed", os.environ.get("TEST_SIMULATION_SEEDS", "1,2").split(","))
def test_the_books_are_those_of_a_run_without_faults_on_the_other_engine(
    plainly, seed, monkeypatch
):
    monkeypatch.setattr(core.time, "sleep", lambda _seconds: None)
    expected = plainly(int(seed))

    world = World(int(seed))
    with faults.thrown(int(seed)) as thrown:
        world.run(STEPS)

    assert books.digest() == expected
    assert thrown.count > 20


def test_other_seeds_give_other_books(live):
    World(1).run(60)
    first = books.digest()
    empty_tables()

    World(2).run(60)

    assert books.digest() != first
