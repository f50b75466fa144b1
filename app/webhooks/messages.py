"""POST /wechat/callback: follows, scans and words (公众号消息)."""

import secrets
import time
from datetime import datetime

import sqlalchemy as sa
import structlog
from flask import Response, request
from flask.typing import ResponseReturnValue

from app import distribution, members, settings, wechat
from app.core import clock
from app.core.db import add_once, db, run_unit
from app.distribution import AttemptResult, BindingSource
from app.webhooks import bp
from app.webhooks.models import InboxMessage
from app.wechat import MessageRefused, Push

log = structlog.get_logger()


@bp.get("/callback")
def verify_address() -> ResponseReturnValue:
    """WeChat checks that this address is ours."""
    try:
        wechat.current().endpoint.check(request.args)
    except MessageRefused:
        return _plain("forbidden", 403)
    return _plain(request.args.get("echostr", "")[:200])


@bp.post("/callback")
def take_message() -> ResponseReturnValue:
    """One message or event; answered with a reply, or `success` for none."""
    endpoint = wechat.current().endpoint
    try:
        endpoint.check(request.args)
        push = endpoint.open(request.args, request.get_data())
    except MessageRefused as error:
        log.warning("message_refused", why=str(error))
        return _plain("forbidden", 403)
    if push is None:
        log.warning("message_unreadable")
        return _plain("success")
    now = clock.now()
    reply = run_unit(_take_once, push, now)
    sealed = endpoint.seal(
        request.args, reply, timestamp=int(time.time()), nonce=secrets.token_hex(8)
    )
    return _plain(sealed) if sealed == "success" else Response(sealed, mimetype="text/xml")


def _take_once(push: Push, now: datetime) -> str:
    """Act on a push and keep the reply; a repeat gets the same one."""
    known = sa.select(InboxMessage.reply).filter_by(dedupe_key=push.dedupe_key)
    reply = db.session.scalar(known)
    if reply is not None:
        return reply
    row = InboxMessage(
        dedupe_key=push.dedupe_key,
        openid=push.openid,
        kind=(push.event or push.kind)[:40],
        at=now,
    )
    if not add_once(row):
        return db.session.execute(known).scalar_one()
    text = _act(push, now)
    if text:
        row.reply = wechat.current().endpoint.text_reply(push, text, timestamp=int(now.timestamp()))
    return row.reply


def _act(push: Push, now: datetime) -> str:
    """What the push means for us; the text to answer, empty for silence."""
    member = members.enter(push.openid, now=now)
    shop = settings.value(settings.registry.SHOP_NAME)
    match push.event:
        case "unsubscribe":
            members.mark_subscribed(member.id, False)
            return ""
        case "subscribe" | "subscribe_scan":
            members.mark_subscribed(member.id, True)
            welcome = f"欢迎关注{shop}！点击下方菜单进入商城。"
            return _bind(member.id, push.scene, now) + welcome if push.scene else welcome
        case "scan":
            members.mark_subscribed(member.id, True)
            return _bind(member.id, push.scene, now) + "欢迎回来，点击下方菜单进入商城。"
        case "":
            return f"你好，这里是{shop}。点击下方菜单可以逛商城、查订单；人工客服在工作时间内回复。"
        case _:
            return ""


def _bind(member_id: int, scene: str, now: datetime) -> str:
    result = distribution.bind(member_id, code=scene, source=BindingSource.SCAN, now=now)
    if result is not AttemptResult.BOUND:
        return ""
    upline_id = members.get(member_id).upline1_id
    inviter = members.get(upline_id).display_name if upline_id else ""
    return f"你已接受{inviter}的邀请。\n"


def _plain(text: str, status: int = 200) -> Response:
    return Response(text, status=status, mimetype="text/plain")
