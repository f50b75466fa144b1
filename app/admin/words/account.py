"""Words for the official account: channels, scans, replies and its checks (公众号)."""

from collections.abc import Mapping

from app.admin.words.base import Word
from app.admin.words.people import ATTEMPT
from app.distribution.channels import ChannelKind, Outcome, Ration, ScanSource
from app.wechat import doctor
from app.wechat.replies import ReplyType, RuleKind

CHANNEL_KIND: Mapping[str, str] = {
    ChannelKind.CAMPAIGN: "活动",
    ChannelKind.SHOP: "门店",
}
SCAN_SOURCE: Mapping[str, str] = {
    ScanSource.FOLLOW: "扫码关注",
    ScanSource.SCAN: "已关注扫码",
    ScanSource.LINK: "打开链接",
}
# What came of a scan: an outcome of its own, or what the attempt to bind says.
SCAN: Mapping[str, Word] = {
    **ATTEMPT,
    "already_bound": ("已有其他上级，保持不变", "off"),
    "bound_same": ("早已绑定同一上级", "off"),
    "own_code": ("自己的码，不计入", "off"),
    "unknown_code": ("码不存在", "off"),
    Outcome.COUNTED: ("已计入渠道", "go"),
    Outcome.STOPPED: ("渠道已停用", "off"),
    Outcome.SNAPSHOT: ("微信快照页访客，不绑定", "off"),
}
REPLY_KIND: Mapping[str, str] = {
    RuleKind.EXACT: "完全一致",
    RuleKind.CONTAINS: "包含关键词",
    RuleKind.DEFAULT: "默认回复",
    RuleKind.FOLLOW: "被关注",
    RuleKind.FOLLOW_BY_CODE: "扫推广码",
}
REPLY_TYPE: Mapping[str, str] = {
    ReplyType.TEXT: "文字",
    ReplyType.NEWS: "图文",
    ReplyType.SERVICE: "转人工客服",
    ReplyType.NONE: "不回复",
}
# What happened before a reply, where it is no keyword.
REPLY_BEFORE: Mapping[str, str] = {
    RuleKind.EXACT: "",
    RuleKind.CONTAINS: "",
    RuleKind.DEFAULT: "收到没有规则适用的消息",
    RuleKind.FOLLOW: "有人关注了公众号",
    RuleKind.FOLLOW_BY_CODE: "有人扫了推广码",
}
CHECK: Mapping[doctor.Outcome, str] = {
    doctor.Outcome.OK: "通过",
    doctor.Outcome.WARNING: "留意",
    doctor.Outcome.FAILED: "没有通过",
    doctor.Outcome.SKIPPED: "未检查",
}


def reply_kinds() -> list[tuple[str, str, str]]:
    """For a choice of what a reply rule answers."""
    hints = {
        RuleKind.EXACT: "消息与关键词相同，最先匹配",
        RuleKind.CONTAINS: "消息里有关键词",
        RuleKind.DEFAULT: "没有关键词适用的消息，图片、语音等也在内",
        RuleKind.FOLLOW: "新关注的人",
        RuleKind.FOLLOW_BY_CODE: "扫分销员推广码进来的人",
    }
    return [(kind, REPLY_KIND[kind], hint) for kind, hint in hints.items()]


def reply_types() -> list[tuple[str, str, str]]:
    """For a choice of what a reply rule answers with."""
    hints = {
        ReplyType.TEXT: "",
        ReplyType.NEWS: "一张卡片，点开是网页",
        ReplyType.SERVICE: "由微信转给在线客服；不能用于被关注和扫推广码",
        ReplyType.NONE: "收到后保持安静",
    }
    return [(kind, REPLY_TYPE[kind], hint) for kind, hint in hints.items()]


def channel_kinds() -> list[tuple[str, str, str]]:
    """For a choice of what a channel is."""
    hints = {
        ChannelKind.CAMPAIGN: "海报、推文、展会、包裹卡等",
        ChannelKind.SHOP: "线下门店、柜台、收银台",
    }
    return [(kind, CHANNEL_KIND[kind], hint) for kind, hint in hints.items()]


def channel_lasting(ration: Ration) -> list[tuple[str, str, str]]:
    """For a choice of how long a channel's QR lasts."""
    left = ration.limit - ration.used
    return [
        ("temporary", "临时二维码", "30 天有效，到期前自动换新；已印出来的旧码到期后失效"),
        (
            "permanent",
            "永久二维码",
            f"永久有效，适合印刷张贴。公众号一共 {ration.limit:,} 个，还剩 {left:,} 个，用掉不能收回",
        ),
    ]


def ration_warning(ration: Ration) -> str:
    """What to say of permanent scenes that run short."""
    if ration.is_used_up:
        return f"公众号的 {ration.limit:,} 个永久二维码已全部用完，新渠道只能用临时二维码"
    left = ration.limit - ration.used
    return f"公众号的永久二维码只剩 {left:,} 个（共 {ration.limit:,} 个），请优先使用临时二维码"
