"""Demo mapping (演示通知): the sandbox's message templates, put to use."""

from datetime import datetime

from app import audit, notices
from app.core.db import run_unit
from app.wechat import current

# Kind -> the sandbox's template, and for each of its fields a value or "=fixed text".
_USES: dict[str, tuple[str, dict[str, str]]] = {
    "order_paid": (
        "订单支付成功通知",
        {"character_string1": "number", "thing2": "goods", "amount3": "amount", "time4": "time"},
    ),
    "order_shipped": (
        "订单发货通知",
        {"character_string1": "tracking", "thing2": "goods", "thing3": "carrier", "time4": "time"},
    ),
    "aftersale_approved": (
        "售后进度通知",
        {"character_string1": "number", "thing2": "goods", "phrase3": "state", "thing4": "address"},
    ),
    "aftersale_rejected": (
        "售后进度通知",
        {"character_string1": "number", "thing2": "goods", "phrase3": "state", "thing4": "reason"},
    ),
    "aftersale_exchanged": (
        "订单发货通知",
        {"character_string1": "tracking", "thing2": "goods", "thing3": "carrier", "time4": "time"},
    ),
    "order_refunded": (
        "退款成功通知",
        {"character_string1": "number", "thing2": "goods", "amount3": "amount", "time4": "time"},
    ),
    "commission_earned": (
        "佣金到账提醒",
        {"amount1": "amount", "thing2": "expected", "time3": "time"},
    ),
    "commission_settled": (
        "佣金到账提醒",
        {"amount1": "amount", "thing2": "=佣金已结算到钱包，可以提现", "time3": "time"},
    ),
    "withdrawal_approved": (
        "提现结果通知",
        {"amount1": "net", "phrase2": "state", "time3": "time", "thing4": "=审核已通过，等待打款"},
    ),
    "withdrawal_to_confirm": (
        "提现结果通知",
        {"amount1": "net", "phrase2": "state", "time3": "deadline", "thing4": "note"},
    ),
    "withdrawal_reminder": (
        "提现结果通知",
        {
            "amount1": "net",
            "phrase2": "state",
            "time3": "deadline",
            "thing4": "note",
        },
    ),
    "withdrawal_paid": (
        "提现结果通知",
        {"amount1": "net", "phrase2": "state", "time3": "time", "thing4": "=已转入你的微信零钱"},
    ),
    "withdrawal_failed": (
        "提现结果通知",
        {"amount1": "amount", "phrase2": "state", "time3": "time", "thing4": "reason"},
    ),
    "level_reached": (
        "会员等级变更通知",
        {"thing1": "level", "phrase2": "state", "time3": "time", "thing4": "benefits"},
    ),
    "withdrawal_rejected": (
        "提现结果通知",
        {"amount1": "amount", "phrase2": "state", "time3": "time", "thing4": "reason"},
    ),
}


def use_templates(now: datetime) -> int:
    """Map what is not mapped yet to the account's templates; how many were.

    Raises WeChatUnavailable.
    """
    offered = {row.title: row.template_id for row in current().notifier.templates()}
    known = notices.templates()
    mapped = 0
    for kind, (title, uses) in _USES.items():
        if kind in known or title not in offered:
            continue
        run_unit(
            notices.map_template,
            kind,
            channel="template",
            template_id=offered[title],
            title=title,
            chosen={
                key: {"text": use[1:]} if use.startswith("=") else {"source": use}
                for key, use in uses.items()
            },
            actor=audit.Actor.system("demo"),
            now=now,
        )
        mapped += 1
    return mapped
