"""Notices of WeChat Pay (支付通知): payments, refunds, transfers and grants."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue

from app import aftersales, orders, wechat, withdrawals
from app.core import clock
from app.core.db import run_unit
from app.core.rows import affected, insert_once
from app.orders import Taken
from app.webhooks import bp
from app.webhooks.models import InboxNotice
from app.wechat import NoticeRefused
from app.wechat.authorizations import authorization_notice
from app.wechat.pay import Notice, paid_notice
from app.wechat.refunds import refund_notice
from app.wechat.transfers import transfer_notice

log = structlog.get_logger()

# Returns what came of a notice.
Act = Callable[[dict[str, Any], datetime], str]


@bp.post("/pay/notify")
def payment_notice() -> ResponseReturnValue:
    return _take(("TRANSACTION.SUCCESS",), _take_payment)


@bp.post("/transfer/notify")
def transfer_notice_view() -> ResponseReturnValue:
    return _take(("MCHTRANSFER.BILL.FINISHED",), _take_transfer)


@bp.post("/authorization/notify")
def authorization_notice_view() -> ResponseReturnValue:
    return _take(
        ("MCHTRANSFER.AUTHORIZATION.CONFIRMED", "MCHTRANSFER.AUTHORIZATION.CLOSED"), _take_grant
    )


@bp.post("/refund/notify")
def refund_notice_view() -> ResponseReturnValue:
    return _take(("REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"), _take_refund)


def _take(event_types: tuple[str, ...], act: Act) -> ResponseReturnValue:
    """Verify, act, store, answer. Anything that fails answers 4xx or 5xx: WeChat comes again.

    News of what happened is delivered by the job `outbox`: WeChat waits for its answer,
    and a crowd of buyers for a free worker.
    """
    try:
        notice = wechat.current().pay.open_notice(dict(request.headers), request.get_data())
        if notice.event_type not in event_types or not notice.notice_id:
            raise NoticeRefused(f"event {notice.event_type}")
    except NoticeRefused as error:
        log.warning("notice_refused", why=str(error), path=request.path)
        return _fail("通知验证失败", 401)
    now, raw = clock.now(), request.get_data(as_text=True)
    try:
        result = run_unit(_act, act, notice, raw, now)
    except Exception as error:
        # What WeChat said is kept, whatever came of acting on it.
        run_unit(_store, notice, raw, now)
        if not isinstance(error, NoticeRefused):
            raise
        log.warning("notice_not_whole", why=str(error))
        return _fail("通知内容不完整", 400)
    log.info("notice_taken", event_type=notice.event_type, result=result)
    if result == Taken.REFUSED.value:
        return _fail("通知内容与订单不符，已转人工核对", 422)
    return Response(status=204)


def _act(act: Act, notice: Notice, raw: str, now: datetime) -> str:
    result = act(notice.resource, now)
    if not _store(notice, raw, now, result=result):
        affected(
            sa.update(InboxNotice)
            .where(InboxNotice.notice_id == notice.notice_id)
            .values(result=result)
        )
    return result


def _take_payment(resource: dict[str, Any], now: datetime) -> str:
    pay = wechat.current().pay
    return orders.take_payment(
        paid_notice(resource), mchid=pay.mchid, appid=pay.appid, now=now
    ).value


def _take_transfer(resource: dict[str, Any], now: datetime) -> str:
    answer = transfer_notice(resource)
    good = withdrawals.report(answer, mchid=wechat.current().pay.mchid, now=now)
    return "taken" if good else Taken.REFUSED.value


def _take_grant(resource: dict[str, Any], now: datetime) -> str:
    answer = authorization_notice(resource)
    good = withdrawals.grants.report(answer, appid=wechat.current().pay.appid, now=now)
    return "taken" if good else Taken.REFUSED.value


def _take_refund(resource: dict[str, Any], now: datetime) -> str:
    word = refund_notice(resource)
    good = aftersales.report(word, mchid=wechat.current().pay.mchid, now=now)
    return "taken" if good else Taken.REFUSED.value


def _store(notice: Notice, raw: str, now: datetime, *, result: str = "") -> bool:
    """Keep it under WeChat's id; False for a repeat, of which the first one is kept."""
    kept = insert_once(
        InboxNotice,
        notice_id=notice.notice_id,
        event_type=notice.event_type,
        raw=raw,
        received_at=now,
        result=result,
    )
    return kept is not None


def _fail(message: str, status: int) -> ResponseReturnValue:
    return jsonify(code="FAIL", message=message), status
