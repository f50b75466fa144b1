"""A round of examples drawn by Hypothesis, and what it found."""

import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import hypothesis
from hypothesis import strategies as st

from config import ROOT
from tests.fuzz.asking import Ask, asks, play
from tests.fuzz.ground import Ground

EXAMPLES = 100


@dataclass
class Finding:
    """What broke, by the line of ours that broke, and the least that breaks it."""

    place: str
    asked: list[Ask]
    error: BaseException


def run_round(
    ground: Ground,
    seed: int,
    number: int,
    *,
    counts: Counter[int],
    tell: Callable[[Finding], None],
    examples: int = EXAMPLES,
) -> None:
    """Play round `number` of `seed`: count answers by status, tell of all that broke.

    Hypothesis draws, and goes on after a failure: it reduces one failure a run, byte by
    byte, which takes minutes where a request is slow. Leaving requests out is enough here,
    because an example has at most four, with three changes each.
    """

    @hypothesis.seed(f"{seed}:{number}")
    @hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(st.lists(asks(ground), min_size=1, max_size=4))
    def one(asked: list[Ask]) -> None:
        try:
            counts.update(play(ground, asked))
        except Exception as error:
            tell(_reduced(ground, asked, error))

    one()


def _reduced(ground: Ground, asked: list[Ask], error: Exception) -> Finding:
    """Without the requests that the failure does not need."""
    place = place_of(error)
    for ask in list(asked):
        rest = [other for other in asked if other is not ask]
        try:
            play(ground, rest)
        except Exception as again:
            if place_of(again) == place:
                asked, error = rest, again
    return Finding(place, asked, error)


def place_of(error: BaseException) -> str:
    """The last line of ours in a traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if f.filename.startswith(str(ROOT / "app"))]
    where = ours[-1] if ours else frames[-1]
    return f"{type(error).__name__} at {where.filename.removeprefix(f'{ROOT}/')}:{where.lineno}"
