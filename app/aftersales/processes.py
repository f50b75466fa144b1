"""Refunds that speak to WeChat between two units of work."""

from datetime import datetime

from app.aftersales import queries, refunds
from app.aftersales.models import FINAL, RefundStatus
from app.aftersales.ports import MerchantShort, RefundGateway, RefundRefused, RefundUnclear
from app.core.db import db, run_unit


def carry_on(refund_id: int, *, gateway: RefundGateway, now: datetime) -> str:
    """Send a saved refund, or ask about one under way (退款).

    The number was committed before; sending it again with the same data cannot
    refund twice. Returns WeChat's state or `unclear`. Raises MerchantShort: the
    account is short of money, the refund waits.
    """
    sheet = queries.refund_sheet(refund_id)
    db.session.rollback()
    if sheet.status in FINAL:
        return sheet.status.value
    try:
        word = None
        if sheet.status is RefundStatus.PROCESSING:
            word = gateway.refund_state(sheet.out_refund_no)
        # Unknown to WeChat: the call never arrived.
        if word is None:
            word = gateway.refund(
                out_refund_no=sheet.out_refund_no,
                out_trade_no=sheet.out_trade_no,
                amount_fen=sheet.amount_fen,
                total_fen=sheet.total_fen,
                reason=sheet.reason,
            )
    except RefundRefused as error:
        run_unit(refunds.refused, refund_id, code=error.code, now=now)
        return "refused"
    except RefundUnclear as error:
        run_unit(refunds.postpone, refund_id, why=str(error), now=now)
        if isinstance(error, MerchantShort):
            raise
        return "unclear"
    run_unit(refunds.report, word, mchid=gateway.mchid, now=now)
    return word.status
