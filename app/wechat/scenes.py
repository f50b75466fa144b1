"""Having WeChat make the QR codes of channels (渠道二维码)."""

from datetime import datetime, timedelta

from app.core.db import db, run_unit
from app.distribution import channels
from app.wechat.account import Account


def make(account: Account, channel_id: int, *, now: datetime) -> None:
    """Ask WeChat for a channel's QR and keep it; one that is there already stays.

    Safe to repeat: the channel and its place among the permanent ones were saved
    before, and WeChat answers the same permanent scene with the same code.

    Raises NotFound, WeChatUnavailable (nothing is kept then).
    """
    channel = channels.get(channel_id)
    code, is_permanent, is_made = channel.code, channel.is_permanent, bool(channel.qr_ticket)
    db.session.rollback()
    if is_permanent and is_made:
        return
    scene = account.permanent_scene(code) if is_permanent else account.temporary_scene(code)
    run_unit(
        channels.keep_scene,
        channel_id,
        ticket=scene.ticket,
        url=scene.url,
        lasts=None if is_permanent else timedelta(seconds=scene.seconds),
        now=now,
    )
