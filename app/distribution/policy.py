"""The rules of binding as the shop set them (绑定规则). Pure, but for `current`.

Two spans, both counted when somebody asks and never by a job:

- protection (保护期, `binding.protect_days`): nobody can take the member away. It
  counts from the binding or the last paid order, whichever is later. When it is
  over the member still belongs to the same upline, until another code is used.
- validity (有效期, `binding.valid_days`, 0: for ever): how long after the binding
  orders of the member earn the uplines something. When it is over the stored
  uplines stay (they are the tree), an order copies none of them, and whatever code
  comes next binds anew, under any policy.

Both are about customers. A distributor's place is the team's, too: it does not
expire, and moves by a code only where `binding.moves_distributors` is on.
"""

import enum
import functools
from dataclasses import dataclass
from datetime import datetime, timedelta

from app import settings
from app.distribution.models import BindingSource
from app.settings import registry


class Kind(enum.StrEnum):
    PERMANENT = "permanent"  # 首绑永久
    PROTECTED = "protected"  # 保护期
    LAST_TOUCH = "last_touch"  # 最后一次点击


class Moment(enum.StrEnum):
    VISIT = "visit"  # a scan or a link binds at once
    SCAN = "scan"  # only a scan of the account's QR binds
    ORDER = "order"  # a scan or a link is kept in mind until the next order


@dataclass(frozen=True)
class Policy:
    """How members are bound: one value for each setting."""

    kind: Kind = Kind.PERMANENT
    moment: Moment = Moment.VISIT
    protect_days: int = 15
    valid_days: int = 0
    remember_days: int = 30
    binds_buyers: bool = True
    moves_distributors: bool = False

    def waits_for_order(self, source: BindingSource) -> bool:
        return self.moment is Moment.ORDER and source is not BindingSource.ORDER

    def ignores(self, source: BindingSource) -> bool:
        return self.moment is Moment.SCAN and source is BindingSource.LINK

    def binds_at_once(self, source: BindingSource) -> bool:
        """Whether somebody who never had an upline is bound whatever else is known."""
        return self.binds_buyers and not self.ignores(source) and not self.waits_for_order(source)

    def valid_until(self, bound_at: datetime | None) -> datetime | None:
        """When a customer's binding stops to earn anything; None: never."""
        if not self.valid_days or bound_at is None:
            return None
        return bound_at + timedelta(days=self.valid_days)

    def has_expired(self, bound_at: datetime | None, now: datetime) -> bool:
        until = self.valid_until(bound_at)
        return until is not None and until <= now

    def protected_until(self, bound_at: datetime, last_paid_at: datetime | None) -> datetime:
        return max(bound_at, last_paid_at or bound_at) + timedelta(days=self.protect_days)


_SETTINGS = (
    registry.BINDING_POLICY,
    registry.BINDING_MOMENT,
    registry.BINDING_PROTECT_DAYS,
    registry.BINDING_VALID_DAYS,
    registry.BINDING_REMEMBER_DAYS,
    registry.BINDING_BUYERS,
    registry.BINDING_MOVES_DISTRIBUTORS,
)


def current() -> Policy:
    """The rules in force."""
    return _made(*settings.several(*_SETTINGS))


def presumed() -> tuple[int, Policy] | None:
    """The rules that this process read last, and their stamp; see `settings.presumed`."""
    found = settings.presumed(*_SETTINGS)
    return found and (found[0], _made(*found[1]))


@functools.lru_cache(maxsize=8)
def _made(*values: int | str | bool) -> Policy:
    kind, moment, protect, valid, remember, buyers, moves = values
    return Policy(
        Kind(str(kind)),
        Moment(str(moment)),
        int(protect),
        int(valid),
        int(remember),
        bool(buyers),
        bool(moves),
    )
