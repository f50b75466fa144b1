"""The ways by which money arrives (到账方式), each with its own terms."""

from dataclasses import dataclass
from typing import Any

from app import settings
from app.core.money import share_fen
from app.settings import registry
from app.settings.registry import Setting
from app.withdrawals.models import Channel

NAME = {Channel.WECHAT: "微信零钱", Channel.BANK: "银行卡", Channel.ALIPAY: "支付宝"}
# From here up WeChat must be told the receiver's name, below the other it must not
# (wechat.md, section 9).
NAME_NEEDED_FEN = 2_000_00
NAME_ALLOWED_FEN = 30

# In the order of the fields of `Terms`.
_SETTINGS: dict[Channel, tuple[Setting[Any], ...]] = {
    Channel.WECHAT: (
        registry.WITHDRAW_WECHAT_ON,
        registry.WITHDRAW_MIN_FEN,
        registry.WITHDRAW_MAX_FEN,
        registry.WITHDRAW_FEE_BPS,
        registry.WITHDRAW_FEE_FEN,
        registry.WITHDRAW_WECHAT_DAY_FEN,
    ),
    Channel.BANK: (
        registry.WITHDRAW_BANK_ON,
        registry.WITHDRAW_BANK_MIN_FEN,
        registry.WITHDRAW_BANK_MAX_FEN,
        registry.WITHDRAW_BANK_FEE_BPS,
        registry.WITHDRAW_BANK_FEE_FEN,
        registry.WITHDRAW_BANK_DAY_FEN,
    ),
    Channel.ALIPAY: (
        registry.WITHDRAW_ALIPAY_ON,
        registry.WITHDRAW_ALIPAY_MIN_FEN,
        registry.WITHDRAW_ALIPAY_MAX_FEN,
        registry.WITHDRAW_ALIPAY_FEE_BPS,
        registry.WITHDRAW_ALIPAY_FEE_FEN,
        registry.WITHDRAW_ALIPAY_DAY_FEN,
    ),
}


@dataclass(frozen=True)
class Terms:
    """What holds for one way; amounts in fen, `day_fen` 0 for no limit of its own."""

    is_on: bool
    least_fen: int
    most_fen: int
    fee_bps: int
    fee_fen: int
    day_fen: int

    def fee_of(self, amount_fen: int) -> int:
        """The shop's fee of a gross amount, never more than it."""
        return min(share_fen(amount_fen, self.fee_bps) + self.fee_fen, amount_fen)


def terms(channel: Channel) -> Terms:
    """What holds for a way now."""
    return _made(settings.several(*_SETTINGS[channel]))


def open_terms() -> dict[Channel, Terms]:
    """The ways that may be asked for now, in one query."""
    wanted = [item for items in _SETTINGS.values() for item in items]
    values = iter(settings.several(*wanted))
    found = {channel: _made([next(values) for _ in items]) for channel, items in _SETTINGS.items()}
    return {channel: item for channel, item in found.items() if item.is_on}


def _made(values: list[int | str | bool]) -> Terms:
    is_on, *numbers = values
    return Terms(bool(is_on), *(int(number) for number in numbers))
