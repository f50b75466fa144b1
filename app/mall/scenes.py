"""The official account's QR of a distributor's code, as pages show it (公众号二维码)."""

from datetime import timedelta

from app import distribution, wechat
from app.core import clock
from app.core.db import db, run_unit
from app.distribution import SCENE_RENEWED_BEFORE, ReferralCode, scenes
from app.wechat.account import Scene


def of_code(code: ReferralCode) -> str:
    """The address of the picture of a member's own; empty when WeChat cannot make one now."""
    account, now = wechat.current().account, clock.now()
    ends, ticket = code.qr_expires_at, code.qr_ticket
    if not ticket or ends is None or ends - SCENE_RENEWED_BEFORE <= now:
        code_id = code.id
        made = _ask(scenes.name(code.code))
        if made is None:
            return account.scene_picture_url(ticket) if ticket and ends and ends > now else ""
        ticket = made.ticket
        run_unit(
            distribution.keep_scene,
            code_id,
            ticket=ticket,
            url=made.url,
            lasts=timedelta(seconds=made.seconds),
            now=now,
        )
    return account.scene_picture_url(ticket)


def of_product(code: ReferralCode, product_id: int) -> str:
    """The same for one product, made at the first call."""
    account, now = wechat.current().account, clock.now()
    code_id, text = code.id, code.code
    kept = scenes.of_product(code_id, product_id, now=now)
    ticket = kept.qr_ticket if kept is not None else ""
    if kept is None or kept.expires_at - SCENE_RENEWED_BEFORE <= now:
        made = _ask(scenes.name(text, product_id))
        if made is not None:
            ticket = made.ticket
            run_unit(
                scenes.keep_of_product,
                code_id,
                product_id,
                ticket=ticket,
                url=made.url,
                lasts=timedelta(seconds=made.seconds),
                now=now,
            )
    return account.scene_picture_url(ticket) if ticket else ""


def _ask(scene: str) -> Scene | None:
    # WeChat may take its time: no transaction stays open over that.
    db.session.rollback()
    try:
        return wechat.current().account.temporary_scene(scene)
    except wechat.WeChatUnavailable:
        return None
