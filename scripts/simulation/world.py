"""People, admins, WeChat and the scheduler, drawn from one seed."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.exc import DBAPIError

from app.core import clock
from app.core.db import db
from app.core.errors import DomainError
from scripts.simulation import books, faults
from scripts.simulation.buying import Buying
from scripts.simulation.paying_out import PayingOut
from scripts.simulation.stage import JOBS, Unsound

__all__ = ["BATCH", "Unsound", "World"]

# Steps after which the books are checked.
BATCH = 50


class World(Buying, PayingOut):
    """Everybody, each act as often as its weight says."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._acts: list[tuple[int, Callable[[], str]]] = [
            (5, self.join),
            (2, self.become),
            (22, self.order),
            (30, self.move_order),
            (14, self.move_aftersale),
            (8, self.withdraw),
            (10, self.move_withdrawal),
            (2, self.move_oddity),
            (2, self.repeat_notice),
            (1, self.suspend_or_restore),
            (3, self.restock),
            (1, self.new_plan),
            (1, self.new_cycle),
            (8, self.one_job),
        ]

    def run(self, steps: int) -> None:
        """Play `steps` steps; raises Unsound after a batch that left the books wrong."""
        with self.wechat.in_its_place():
            self._play(steps)
            self._end()

    def run_roughly(self, steps: int) -> int:
        """The same with a database out of order; how many faults there were.

        When it is in order again what was left undone is done by the jobs.
        """
        with self.wechat.in_its_place():
            self.is_rough = True
            with faults.rough(self.seed) as thrown:
                self._play(steps)
            self.is_rough = False
            self._end()
        return thrown.count

    def _play(self, steps: int) -> None:
        weights = [weight for weight, _ in self._acts]
        for self.step in range(1, steps + 1):
            [(_, act)] = self.rng.choices(self._acts, weights)
            with clock.fixed(self.now):
                self.happened[self._outcome(act)] += 1
            if self.rng.random() < 0.15:
                self.pass_time(timedelta(hours=self.rng.randint(12, 96)))
            else:
                self.now += timedelta(minutes=self.rng.randint(1, 50))
            if self.step % BATCH == 0:
                self._check()

    def _end(self) -> None:
        # The return window of what is left goes by.
        for _ in range(2):
            self.pass_time(timedelta(days=14))
        self._check()

    def pass_time(self, span: timedelta) -> None:
        """Let time go by, then every job run once."""
        self.now += span
        for name in JOBS:
            self.job(name)

    def _check(self) -> None:
        if wrong := books.broken():
            raise Unsound(self.step, wrong)

    def _outcome(self, act: Callable[[], str]) -> str:
        name = act.__name__.strip("_")
        try:
            return f"{name}:{act()}"
        except DomainError as refused:
            return f"{name}:refused_{refused.code}"
        except (DBAPIError, faults.Killed) as struck:
            if not self.is_rough:
                raise
            return f"{name}:struck_{type(struck).__name__}"
        finally:
            db.session.rollback()
