"""The panel's words for notices to members (通知)."""

from collections.abc import Mapping

from app.admin.words.base import Word
from app.notices import Channel, NoticeState

CHANNEL: Mapping[str, str] = {
    Channel.TEMPLATE: "模板消息",
    Channel.SUBSCRIPTION: "订阅通知",
}
STATE: Mapping[str, Word] = {
    NoticeState.KEPT: ("仅站内", "off"),
    NoticeState.MUTED: ("会员已关闭", "off"),
    NoticeState.NOT_FOLLOWING: ("未关注", "off"),
    NoticeState.QUEUED: ("等待发送", "go"),
    NoticeState.SENT: ("已发送", "go"),
    NoticeState.REFUSED: ("未发出", "bad"),
}
# WeChat's words on a delivery (wechat.md, section 7).
_DELIVERY: Mapping[str, Word] = {
    "": ("微信还没有回报", "off"),
    "success": ("已送达", "good"),
    "failed:user block": ("被用户屏蔽", "bad"),
    "failed:system failed": ("微信系统原因未送达", "bad"),
    "failed: system failed": ("微信系统原因未送达", "bad"),
}


def delivery(status: str) -> Word:
    """WeChat's word on a delivery as people read it."""
    return _DELIVERY.get(status, (f"没有送达（{status}）", "bad"))
