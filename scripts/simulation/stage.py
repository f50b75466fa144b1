"""What every act of a simulation stands on: the seed, the clock, who and what there is."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from app import outbox
from app.core import clock
from app.core.db import db
from app.jobs import tasks
from app.orders import PaidNotice
from scripts.simulation import faults, ground
from scripts.simulation.wechat import LOST, UNCLEAR, Book, WeChat

START = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)
# Whom and what the acts choose from: the latest, so that things meet.
RECENT = 60
# What a scheduler's clock is wrong by.
MISLED = (*[timedelta()] * 8, timedelta(days=1), -timedelta(hours=1))
T = TypeVar("T")

JOBS = (
    "outbox",
    "query-payments",
    "expire-orders",
    "receive-orders",
    "expire-returns",
    "settle",
    "send-refunds",
    "pay-withdrawals",
    "query-transfers",
    "rank",
)


class Unsound(Exception):
    """The books are wrong, or a job failed, after this step."""

    def __init__(self, step: int, what: object) -> None:
        super().__init__(f"after step {step}: {what}")
        self.step = step


class Stage:
    """One run. Everything by chance comes from `rng`, in an order that only it decides."""

    # Whether the database is out of order at times, and clocks are wrong.
    is_rough = False

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = random.Random(seed)  # noqa: S311
        self.now = START
        self.step = 0
        self.happened: Counter[str] = Counter()
        self.wechat = WeChat(Book(), self.mishap)
        self.members: list[int] = []
        self.distributors: list[int] = []
        self.codes: list[str] = []
        self.orders: list[int] = []
        self.aftersales: list[int] = []
        self.withdrawals: list[int] = []
        self.notices: list[PaidNotice] = []
        self.skus = ground.open_shop(self.now)

    def mishap(self, call: str) -> str:
        """Whether this call to WeChat goes wrong."""
        drawn = self.rng.random()
        return UNCLEAR if drawn < 0.06 else LOST if drawn < 0.1 else ""

    def pick(self, rows: Sequence[T]) -> T:
        """One of the latest."""
        return self.rng.choice(rows[-RECENT:])

    def one_job(self) -> str:
        """A job runs out of its turn."""
        return self.job(self.rng.choice(JOBS))

    def job(self, name: str) -> str:
        """Run a job. Raises Unsound where a row of it failed without a cause."""
        now = self.now + self.rng.choice(MISLED) if self.is_rough else self.now
        with clock.fixed(now):
            try:
                tasks.JOBS[name].task(now, False)
            except tasks.RowsFailed as failed:
                if not self.is_rough:
                    raise Unsound(self.step, f"{name}: {failed.result}") from failed
            except (DBAPIError, faults.Killed):
                if not self.is_rough:
                    raise
        db.session.rollback()
        return name

    def news(self) -> None:
        """Deliver what waits for it, once."""
        outbox.drain(self.now, calls=False)
