"""Refunds of WeChat Pay (退款): wechat.md, section 8."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from app.aftersales import MerchantShort, RefundRefused, RefundUnclear, RefundWord
from app.wechat.pay import Answer, NoticeRefused, Pay, Unclear
from app.wechat.shapes import NotAnAnswer, optional_text, text, whole

_STATES = frozenset({"SUCCESS", "PROCESSING", "ABNORMAL", "CLOSED"})
_SHORT = frozenset({"NOT_ENOUGH", "NOTENOUGH"})
# Trouble that passes, or that a repeat of the same number clears up.
_PASSING = frozenset({"FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "SYSTEM_ERROR", "SYSTEMERROR"})
_NUMBER = re.compile(r"[0-9A-Za-z]{6,64}", re.ASCII)


class Refunds:
    """Implements `aftersales.RefundGateway`."""

    def __init__(self, pay: Pay) -> None:
        self._pay = pay

    @property
    def mchid(self) -> str:
        return self._pay.mchid

    def refund(
        self,
        *,
        out_refund_no: str,
        out_trade_no: str,
        amount_fen: int,
        total_fen: int,
        reason: str,
    ) -> RefundWord:
        """Raises RefundUnclear, MerchantShort, RefundRefused."""
        number = _checked(out_refund_no)
        answer = self._call(
            lambda: self._pay.library.refund(
                out_refund_no=number,
                out_trade_no=out_trade_no,
                amount={"refund": amount_fen, "total": total_fen, "currency": "CNY"},
                reason=reason[:80],
                notify_url=f"{self._pay.notify_base}/wechat/refund/notify",
            )
        )
        if answer.status == 200:
            return _word(answer.data, out_refund_no)
        if answer.code in _SHORT:
            raise MerchantShort("商户账户余额不足")
        # Only WeChat's own word refuses; a proxy's page does not.
        if not answer.code or answer.code in _PASSING:
            raise RefundUnclear(answer.code or f"status {answer.status}")
        raise RefundRefused(answer.code)

    def refund_state(self, out_refund_no: str) -> RefundWord | None:
        """Raises RefundUnclear."""
        number = _checked(out_refund_no)
        answer = self._call(lambda: self._pay.library.query_refund(number))
        if answer.is_unknown_number:
            return None
        if answer.status != 200:
            raise RefundUnclear(answer.code or f"status {answer.status}")
        return _word(answer.data, out_refund_no)

    def _call(self, send: Callable[[], tuple[int, Any]]) -> Answer:
        try:
            return self._pay.call(send)
        except Unclear as error:
            raise RefundUnclear(str(error)) from error


def refund_notice(resource: Mapping[str, Any]) -> RefundWord:
    """WeChat's refund resource. Raises NoticeRefused if it is not whole."""
    try:
        return _read(resource, state="refund_status", mchid=text(resource, "mchid"))
    except NotAnAnswer as error:
        raise NoticeRefused(f"not whole: {error}") from error


def _word(data: Mapping[str, Any], out_refund_no: str) -> RefundWord:
    if data.get("out_refund_no") != out_refund_no:
        raise RefundUnclear("answer about another refund")
    try:
        # The notice calls the field `refund_status`, the API `status`.
        return _read(data, state="status", mchid=None)
    except NotAnAnswer as error:
        raise RefundUnclear(f"answer not whole: {error}") from error


def _read(data: Mapping[str, Any], *, state: str, mchid: str | None) -> RefundWord:
    status = text(data, state)
    if status not in _STATES:
        raise NotAnAnswer(f"unknown state {status[:20]}")
    return RefundWord(
        out_refund_no=text(data, "out_refund_no"),
        status=status,
        amount_fen=whole(data.get("amount"), "refund"),
        total_fen=whole(data.get("amount"), "total"),
        refund_id=optional_text(data, "refund_id"),
        out_trade_no=text(data, "out_trade_no"),
        mchid=mchid,
    )


def _checked(out_refund_no: str) -> str:
    # The library puts it into the path as it is.
    if not _NUMBER.fullmatch(out_refund_no):
        raise ValueError(f"not a number of ours: {out_refund_no!r}")
    return out_refund_no
