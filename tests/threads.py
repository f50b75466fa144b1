"""Races: works that start at one moment, and works that wait for an open unit of work."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask

from app.core.db import db, transaction

Work = Callable[[], Any]

# Longer than any lock wait of a healthy run, shorter than a test's own limit.
PATIENCE = 60
# Long enough for a statement to reach a lock, and no more than a person would notice.
A_MOMENT = 0.4


def together(app: Flask, works: Sequence[Work]) -> list[Any]:
    """Run every work in its own thread, let go at one moment; results or exceptions."""
    gate = threading.Barrier(len(works))

    def enter(work: Work) -> Any:
        with app.app_context():
            gate.wait(PATIENCE)
            try:
                return work()
            except Exception as error:
                return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(enter, works))


@contextmanager
def holding(app: Flask, work: Work, rest: Work = lambda: None) -> Iterator[threading.Event]:
    """Inside the block a unit of work has done `work` and waits with its commit.

    It does the `rest` and commits when the event that the block is given is set, or at
    its end.
    """
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with app.app_context(), transaction():
            try:
                work()
                db.session.flush()
            finally:
                held.set()
            let_go.wait(PATIENCE)
            rest()

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(hold)
        held.wait(PATIENCE)
        try:
            yield let_go
        finally:
            let_go.set()
            first.result(PATIENCE)


def behind(app: Flask, first: Work, second: Work) -> Any:
    """Start `second` while the unit of work of `first` is open, see that it waits,
    let the first commit; return what came of the second, an exception included."""
    return between(app, first, second, lambda: None)


def between(app: Flask, before: Work, second: Work, after: Work) -> Any:
    """The same, where the first unit of work does one part of it before `second` starts
    and the other part while that waits."""

    def enter() -> Any:
        with app.app_context():
            try:
                return second()
            except Exception as error:
                return error

    with holding(app, before, after) as let_go, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(enter)
        with pytest.raises(TimeoutError):
            waiting.result(A_MOMENT)
        let_go.set()
        return waiting.result(PATIENCE)
