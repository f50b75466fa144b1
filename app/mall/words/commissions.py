"""Words for commissions and bonuses (佣金与返利)."""

from dataclasses import dataclass
from datetime import datetime

from app.commission import CommissionStatus
from app.commission.bonus import ResultState
from app.commission.cycles import Cycle, Rhythm
from app.commission.wording import percent, rate, rate_source
from app.core import web

# Also asked for by pages.
__all__ = ["percent", "rate", "rate_source"]


C = CommissionStatus

COMMISSION_STATE = {
    C.PENDING: "待结算",
    C.HELD: "售后中",
    C.SETTLED: "已结算",
    C.VOID: "已失效",
    C.CLAWED: "已收回",
}

COMMISSION_TABS: list[tuple[str, str, tuple[CommissionStatus, ...]]] = [
    ("", "全部", ()),
    ("pending", "待结算", (C.PENDING, C.HELD)),
    ("settled", "已结算", (C.SETTLED,)),
    ("void", "已失效", (C.VOID, C.CLAWED)),
]

DEPTH = {1: "直接推荐", 2: "间接推荐", 3: "三级推荐"}

OWN = "自购返佣"

BONUS_STATE: dict[ResultState, str] = {
    ResultState.COMPUTED: "核算中",
    ResultState.APPROVED: "待发放",
    ResultState.REFUSED: "未发放",
    ResultState.POSTED: "已发放",
}


@dataclass(frozen=True)
class PaidWhen:
    """When an open commission is paid into the wallet, in words."""

    rhythm: Rhythm
    guard_days: int

    def __call__(self, matures_at: datetime | None) -> str:
        if matures_at is None:
            return f"收货后 {self.guard_days} 天{self._payday()}入账"
        return f"预计 {web.day(self.rhythm.payday(matures_at))} 入账"

    def _payday(self) -> str:
        match self.rhythm.cycle:
            case Cycle.DAILY:
                return "的次日"
            case Cycle.WEEKLY:
                return f"，逢周{'一二三四五六日'[self.rhythm.weekday - 1]}"
            case Cycle.MONTHLY:
                return f"，每月 {self.rhythm.month_day} 号"
        return ""


def settles_on(rhythm: Rhythm) -> str:
    """On which day what matured is settled, after "自动" of a sentence."""
    match rhythm.cycle:
        case Cycle.DAILY:
            return "在次日"
        case Cycle.WEEKLY:
            return f"在下一个周{'一二三四五六日'[rhythm.weekday - 1]}"
        case Cycle.MONTHLY:
            return f"在下一个 {rhythm.month_day} 号"
    return ""


def relation(depth: int, *, is_own: bool) -> str:
    """How a distributor came to earn from an order."""
    return OWN if is_own else DEPTH[depth]
