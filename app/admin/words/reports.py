"""How reports that come by themselves are said (定期报表)."""

from collections.abc import Mapping

from app.core import clock
from app.reports.boards import REPORTS, Compare
from app.reports.subscriptions import (
    Cadence,
    Content,
    DeliveryState,
    Period,
    ReportSubscription,
    SubscriptionState,
    Way,
    following,
)

WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
CADENCE: Mapping[Cadence, str] = {
    Cadence.DAILY: "每天",
    Cadence.WEEKLY: "每周",
    Cadence.MONTHLY: "每月",
}
PERIOD: Mapping[Period, str] = {
    Period.YESTERDAY: "前一天",
    Period.WEEK: "前 7 天",
    Period.DAYS_30: "前 30 天",
    Period.DAYS_90: "前 90 天",
    Period.MONTH: "本月到前一天",
    Period.LAST_MONTH: "上一个自然月",
    Period.YEAR: "今年到前一天",
}
COMPARE: Mapping[Compare, str] = {
    Compare.PREVIOUS: "上一周期",
    Compare.YEAR: "去年同期",
    Compare.NONE: "不对比",
}
CONTENT: Mapping[Content, tuple[str, str]] = {
    Content.XLSX: ("Excel 表格", "邮件带附件，正文有关键数字"),
    Content.CSV: ("CSV 表格", "邮件带附件，正文有关键数字"),
    Content.SUMMARY: ("只要摘要", "关键数字和前几行，不带附件"),
}
WAY: Mapping[Way, tuple[str, str]] = {
    Way.MAIL: ("邮件", "发到接收人在“账号与安全”里登记的邮箱"),
    Way.WECHAT: ("公众号消息", "发给登记了会员身份的接收人，模板在“消息通知”里配置"),
}
STATE: Mapping[SubscriptionState, tuple[str, str]] = {
    SubscriptionState.ACTIVE: ("发送中", "good"),
    SubscriptionState.PAUSED: ("已暂停", "off"),
    SubscriptionState.DELETED: ("已删除", "off"),
}
DELIVERY: Mapping[DeliveryState, tuple[str, str]] = {
    DeliveryState.WAITING: ("等待发送", "wait"),
    DeliveryState.DELIVERED: ("已送达", "good"),
    DeliveryState.FAILED: ("没有送达", "bad"),
    DeliveryState.REFUSED: ("没有权限", "off"),
}


def title(report: str) -> str:
    found = REPORTS.get(report)
    return f"{found.title}报表" if found else report


def when(row: ReportSubscription) -> str:
    """`每周一 9:00`."""
    day = ""
    if row.cadence is Cadence.WEEKLY:
        return f"每{WEEKDAYS[row.on_day]} {row.hour}:00"
    if row.cadence is Cadence.MONTHLY:
        day = f" {row.on_day} 日"
    return f"{CADENCE[row.cadence]}{day} {row.hour}:00"


def about(row: ReportSubscription) -> str:
    """Which days, beside which."""
    against = "" if row.compare is Compare.NONE else f"，对比{COMPARE[row.compare]}"
    return f"{PERIOD[row.period]}{against}"


def ways(row: ReportSubscription) -> str:
    return "、".join(["我的报表", *(WAY[Way(way)][0] for way in row.ways)])


def following_at(row: ReportSubscription) -> str:
    if row.state is not SubscriptionState.ACTIVE:
        return ""
    at = clock.local(following(row.cadence, row.on_day, row.hour, clock.now()))
    return f"{at:%Y-%m-%d %H:%M}"
