"""POST /wechat/callback: follows, scans, menu taps and words (公众号消息).

What is answered stands in the reply rules; here is only what a push means.
"""

import secrets
import time
from datetime import datetime

import sqlalchemy as sa
import structlog
from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from app import catalog, members, notices, wechat
from app.core import clock, web
from app.core.db import db, run_unit
from app.core.errors import NotFound
from app.core.rows import add_once, affected
from app.distribution import channels, scenes
from app.distribution.channels import Outcome, ScanSource
from app.webhooks import bp
from app.webhooks.models import InboxMessage
from app.wechat import MessageRefused, Push, replies
from app.wechat.replies import Event, Fills, Reply, ReplyType

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
    """Act on a push and keep the reply; a repeat gets the same one.

    A repeat at the same time waits at the insert for the first one's commit.
    """
    row = InboxMessage(
        dedupe_key=push.dedupe_key,
        openid=push.openid,
        kind=(push.event or push.kind)[:40],
        at=now,
    )
    if not add_once(row):
        known = sa.select(InboxMessage.reply).filter_by(dedupe_key=push.dedupe_key)
        return db.session.execute(known).scalar_one()
    answer = _act(push, now)
    reply = "" if answer is None else _render(answer, push, timestamp=int(now.timestamp()))
    if reply:
        affected(sa.update(InboxMessage).where(InboxMessage.id == row.id).values(reply=reply))
    return reply


def _act(push: Push, now: datetime) -> Reply | None:
    """Do what the push means for us; what to answer, None where nobody is spoken to."""
    event = _event(push)
    follows = event in (Event.FOLLOW, Event.FOLLOW_BY_CODE, Event.SCAN)
    member = members.enter(push.openid, now=now, is_follower=follows)
    if push.event == "unsubscribe":
        members.mark_subscribed(member.id, False)
    if push.message_id:
        notices.keep_delivery(push.message_id, push.status, now=now)
    if event is None:
        return None
    is_invited, product_id = False, None
    if push.scene and event in (Event.FOLLOW_BY_CODE, Event.SCAN):
        source = ScanSource.SCAN if event is Event.SCAN else ScanSource.FOLLOW
        code, product_id = scenes.read(push.scene)
        is_known = member.bound_at is not None
        taken = channels.take(member.id, code=code, source=source, now=now, is_known=is_known)
        is_invited = taken.is_bound
        if taken.outcome is not Outcome.TRIED:
            # Nobody invites by this code, so nobody shall be named as who did.
            event = Event.RETURN if event is Event.SCAN else Event.FOLLOW
    shown = _product_card(product_id, now) if product_id is not None else None
    if shown is not None:
        # Whoever scans a product's code came for that product.
        return shown
    book = wechat.current().replies.now()
    upline_id = member.upline1_id if is_invited or book.names_inviter else None
    fills = Fills(
        shop=book.shop,
        mall=web.settings().public_base_url,
        inviter=members.get(upline_id).display_name if upline_id else "",
        is_invited=is_invited,
    )
    return replies.find_reply(event, push.text, fills=fills, book=book)


def _product_card(product_id: int, now: datetime) -> Reply | None:
    """A card that opens the product; None for one that is not on sale (any more)."""
    try:
        found = catalog.product_for_sale(product_id, now=now)
    except NotFound:
        return None
    base = web.settings().public_base_url
    cover = url_for("mall.media", path=found.cover) if found.cover else ""
    return Reply(
        ReplyType.NEWS,
        title=found.title,
        description=found.subtitle or "点开看看这件商品",
        picture_url=f"{base}{cover}" if cover else "",
        url=f"{base}{url_for('mall.product', product_id=found.id)}",
    )


def _event(push: Push) -> Event | None:
    """The kinds of pushes that get an answer."""
    match push.event:
        case "":
            if push.kind == "event":
                return None
            return Event.TEXT if push.kind == "text" else Event.OTHER
        case "subscribe_scan":
            return Event.FOLLOW_BY_CODE if push.scene else Event.FOLLOW
        case "subscribe":
            return Event.FOLLOW
        case "scan":
            return Event.SCAN
        case "click":
            return Event.CLICK
        case _:
            return None


def _render(answer: Reply, push: Push, *, timestamp: int) -> str:
    """The answer as XML; empty for silence."""
    endpoint = wechat.current().endpoint
    match answer.type:
        case ReplyType.TEXT:
            return endpoint.text_reply(push, answer.text, timestamp=timestamp)
        case ReplyType.NEWS:
            return endpoint.article_reply(
                push,
                title=answer.title,
                description=answer.description,
                picture_url=answer.picture_url,
                url=answer.url,
                timestamp=timestamp,
            )
        case ReplyType.SERVICE:
            return endpoint.service_reply(push, timestamp=timestamp)
        case ReplyType.NONE:
            return ""


def _plain(text: str, status: int = 200) -> Response:
    return Response(text, status=status, mimetype="text/plain")
