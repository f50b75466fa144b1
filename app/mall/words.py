"""How states, rules and movements are said to members, in one place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app import audit, reports
from app.audit import StateMove
from app.commission import CommissionStatus
from app.commission.bonus import ResultState
from app.commission.cycles import Cycle, Rhythm
from app.commission.wording import percent, rate, rate_source
from app.core import web
from app.core.money import format_yuan
from app.distribution import DistributorStatus
from app.distribution.models import AppealStatus
from app.ledger import Entry
from app.notices import KINDS
from app.orders import InvoiceStatus, Order, OrderStatus
from app.reviews import ReviewStatus
from app.settings import registry
from app.withdrawals import (
    Channel,
    GrantStatus,
    TransferGrant,
    Withdrawal,
    WithdrawalStatus,
    channels,
)
from app.withdrawals.channels import Terms
from app.withdrawals.rules import days_said

# Also asked for as `words.…` by pages.
__all__ = ["percent", "rate", "rate_source"]

S, W = OrderStatus, WithdrawalStatus

ORDER_STATE = {
    S.UNPAID: "待付款",
    S.CLOSING: "关闭中",
    S.CLOSED: "已关闭",
    S.PAID: "待发货",
    S.SHIPPED: "待收货",
    S.RECEIVED: "已收货",
    S.FINISHED: "已完成",
    S.REFUNDED: "已退款",
}
ORDER_SENTENCE = {
    S.UNPAID: ("等待付款", "超时未付款，订单会自动取消"),
    S.CLOSING: ("订单正在关闭", "正在与微信支付确认，请稍后再看"),
    S.CLOSED: ("订单已关闭", "没有付款，商品已放回货架"),
    S.PAID: ("已付款，等待发货", "商家正在备货，发出后这里会显示快递单号"),
    S.SHIPPED: ("商品已发出", "收到并检查无误后，请确认收货"),
    S.RECEIVED: ("已确认收货", "如有问题，可在下方申请售后"),
    S.FINISHED: ("交易完成", "感谢你的购买"),
    S.REFUNDED: ("订单已退款", "货款已全部退回"),
}
# What is fetched at a shop waits there instead of travelling.
PICKUP_STATE = {S.PAID: "备货中", S.SHIPPED: "待自提", S.RECEIVED: "已提货"}
PICKUP_SENTENCE = {
    S.PAID: ("已付款，商家正在备货", "备好后这里会提示，也可以先联系门店"),
    S.SHIPPED: ("商品已备好，等你来取", "到店出示提货码，店员核销后即可取货"),
    S.RECEIVED: ("已提货", "如有问题，可在下方申请售后"),
}
# Virtual goods are handed over at once, and nothing travels.
VIRTUAL_STATE = {S.PAID: "待交付", S.SHIPPED: "已交付", S.RECEIVED: "已确认"}
VIRTUAL_SENTENCE = {
    S.PAID: ("已付款，等待交付", "虚拟商品不用快递，商家交付后这里会显示内容"),
    S.SHIPPED: ("商品已交付", "请查看下面的交付内容，没有问题请确认收货"),
    S.RECEIVED: ("已确认收货", "如有问题，可在下方申请售后"),
}
INVOICE_STATE = {
    InvoiceStatus.REQUESTED: ("等待商家开具", "开好后会发到你的邮箱"),
    InvoiceStatus.ISSUED: ("发票已开具", "电子发票已发到你的邮箱"),
    InvoiceStatus.REFUSED: ("暂未能开具", "请按下面的原因修改后重新申请"),
}
# The tabs of the list of orders: key, title, the states in it.
ORDER_TABS: list[tuple[str, str, tuple[OrderStatus, ...]]] = [
    ("", "全部", ()),
    ("unpaid", "待付款", (S.UNPAID,)),
    ("paid", "待发货", (S.PAID,)),
    ("shipped", "待收货", (S.SHIPPED,)),
    ("done", "已完成", (S.RECEIVED, S.FINISHED, S.REFUNDED)),
]

C = CommissionStatus
COMMISSION_STATE = {
    C.PENDING: "待结算",
    C.HELD: "售后中",
    C.SETTLED: "已结算",
    C.VOID: "已失效",
    C.CLAWED: "已收回",
}
COMMISSION_TABS: list[tuple[str, str, tuple[CommissionStatus, ...]]] = [
    ("", "全部", ()),
    ("pending", "待结算", (C.PENDING, C.HELD)),
    ("settled", "已结算", (C.SETTLED,)),
    ("void", "已失效", (C.VOID, C.CLAWED)),
]

REVIEW_STATE = {
    ReviewStatus.WAITING: "审核中",
    ReviewStatus.SHOWN: "已展示",
    ReviewStatus.HIDDEN: "未展示",
}
STARS = {1: "很差", 2: "较差", 3: "一般", 4: "满意", 5: "非常满意"}

DEPTH = {1: "直接推荐", 2: "间接推荐", 3: "三级推荐"}
OWN = "自购返佣"
TEAM_SORT = (
    ("joined", "最新加入"),
    ("sales", "成交最多"),
    ("earned", "佣金最多"),
    ("quiet", "来过未下单"),
)
LEVEL = {1: "一级成员", 2: "二级成员", 3: "三级成员"}

WITHDRAWAL_STATE = {
    W.SUBMITTED: "待审核",
    W.CANCELLED: "已撤回",
    W.REJECTED: "未通过",
    W.APPROVED: "待打款",
    W.SENDING: "打款中",
    W.UNKNOWN: "打款中",
    W.WAIT_CONFIRM: "待确认收款",
    W.CANCELLING: "撤销中",
    W.PAID: "已到账",
    W.FAILED: "已退回",
    W.RETURNED: "已退回",
}
WITHDRAWAL_SENTENCE = {
    W.SUBMITTED: ("等待商家审核", "审核期间这笔钱已冻结，你可以撤回"),
    W.CANCELLED: ("你已撤回这笔提现", "金额已退回可提现余额"),
    W.REJECTED: ("提现没有通过审核", "金额已退回可提现余额"),
    W.APPROVED: ("审核已通过，等待打款", "商家会通过微信支付转账给你"),
    W.SENDING: ("正在打款", "正在等待微信支付的结果"),
    W.UNKNOWN: ("正在打款", "正在与微信支付核对结果，钱不会丢失"),
    W.WAIT_CONFIRM: ("请在微信里确认收款", "确认后钱会进入你的微信零钱"),
    W.CANCELLING: ("商家正在撤销这笔转账", "撤销后金额会退回可提现余额"),
    W.PAID: ("已到账", "钱已转入你的微信零钱"),
    W.FAILED: ("打款没有成功", "金额已退回可提现余额，可以重新申请"),
    W.RETURNED: ("款项被退回", "金额已退回可提现余额，请核对收款账户后重新申请"),
}
CHANNEL = channels.NAME


# What is said of a withdrawal whose money comes without a confirmation (免确认).
_GRANTED = {
    W.SUBMITTED: ("等待商家审核", "审核期间这笔钱已冻结，你可以撤回；通过后自动到账，不用确认"),
    W.APPROVED: ("审核已通过，等待打款", "钱会自动转入你的微信零钱，不用确认"),
    W.SENDING: ("正在打款", "钱会自动转入你的微信零钱，不用确认"),
}
GRANT_STATE = {
    GrantStatus.CREATED: "等待确认",
    GrantStatus.WAITING: "等待确认",
    GrantStatus.ACTIVE: "已开通",
    GrantStatus.CLOSED: "已关闭",
}
# Why WeChat closed it (merchant document 4014399423); what is not here was refused.
_GRANT_CLOSED = {
    "CLOSE_VIA_MCH_API": "你已在商城关闭，之后的提现需要逐笔确认收款。",
    "USER_CLOSE": "你已在微信里关闭，之后的提现需要逐笔确认收款。",
    "USER_OVERDUE_UNCONFIRMED": "超过 24 小时没有在微信里确认，可以重新开通。",
    "TRANSFER_RISK": "微信支付出于安全考虑关闭了授权，之后的提现需要逐笔确认收款。",
    "USER_ACCOUNT_ABNORMAL": "你的微信支付账户异常，授权已关闭，请先在微信里查看。",
}


def grant_state(grant: TransferGrant | None) -> str:
    """Where 以后提现自动到账 stands, in a word."""
    if grant is None:
        return "未开通"
    if grant.end_asked_at is not None and grant.status is not GrantStatus.CLOSED:
        return "正在关闭"
    return GRANT_STATE[grant.status]


def grant_closed(grant: TransferGrant) -> str:
    """Why a grant was closed, for its member."""
    return _GRANT_CLOSED.get(
        grant.close_reason, "微信支付没有接受这次开通，请稍后再试，或联系客服。"
    )


def withdrawal_sentence(row: Withdrawal, *, is_granted: bool = False) -> tuple[str, str]:
    """Where a withdrawal stands, and what that means for its owner."""
    if is_granted and row.status in _GRANTED:
        return _GRANTED[row.status]
    if row.channel is not Channel.WECHAT:
        to = channels.NAME[row.channel]
        by_hand = {
            W.APPROVED: ("审核已通过，等待打款", f"商家会转账到你的{to}"),
            W.SENDING: ("正在打款", "商家正在办理转账，到账后会通知你，通常需要 1 到 3 个工作日"),
            W.PAID: (
                "已到账",
                f"钱已转入你的{to}，实际入账时间以{'银行' if to == '银行卡' else to}为准",
            ),
        }
        if row.status in by_hand:
            return by_hand[row.status]
    return WITHDRAWAL_SENTENCE[row.status]


# What a step of the history is called, by the state it led to.
_STEP = {
    W.SUBMITTED.value: "提交申请",
    W.CANCELLED.value: "本人撤回",
    W.REJECTED.value: "审核未通过",
    W.APPROVED.value: "审核通过",
    W.SENDING.value: "发起微信转账",
    W.UNKNOWN.value: "与微信支付核对结果",
    W.WAIT_CONFIRM.value: "等待你确认收款",
    W.CANCELLING.value: "商家撤销转账",
    W.PAID.value: "转账成功，已到账",
    W.FAILED.value: "转账没有成功，金额退回",
    W.RETURNED.value: "款项被退回，金额退回余额",
}
DISTRIBUTOR_STATE: dict[DistributorStatus, tuple[str, str]] = {
    DistributorStatus.INVITED: ("商家邀请你成为分销员", "同意下面的合作约定后即可开始推广"),
    DistributorStatus.APPLIED: ("申请正在审核", "通常一到两个工作日内有结果，通过后公众号会通知你"),
    DistributorStatus.APPROVED: ("你已是分销员", ""),
    DistributorStatus.REJECTED: ("申请没有通过", "请按下面的原因补充说明后重新申请"),
    DistributorStatus.SUSPENDED: (
        "分销资格已暂停",
        "暂停期间不再产生新佣金，待结算的佣金暂不入账；如有疑问请联系客服",
    ),
    DistributorStatus.CLOSED: ("已退出分销", "历史佣金与提现仍可查看；如需重新加入请联系客服"),
}

BONUS_STATE: dict[ResultState, str] = {
    ResultState.COMPUTED: "核算中",
    ResultState.APPROVED: "待发放",
    ResultState.REFUSED: "未发放",
    ResultState.POSTED: "已发放",
}
APPEAL_STATE: dict[AppealStatus, tuple[str, str]] = {
    AppealStatus.OPEN: ("申诉处理中", "有结果后会通知你"),
    AppealStatus.ACCEPTED: ("申诉已通过", ""),
    AppealStatus.REFUSED: ("申诉未通过", ""),
}
BINDING_SOURCE = {
    "scan": "扫公众号码",
    "link": "推广链接",
    "order": "下单时的推广码",
    "admin": "商家操作",
}
_BINDING = {
    "bound": "绑定成功",
    "rebound": "更换推荐人",
    "remembered": "已记住，下单时绑定",
    "moved": "商家调整",
    "released": "商家解除",
    "protected": "保护期内，未改变",
    "distributor_stays": "分销员不更换推荐人",
    "bought_before": "购买过，不再绑定",
    "only_by_scan": "只在扫码时绑定",
    "crawler": "不是本人打开",
    "already_bound": "已有推荐人，未改变",
    "unknown_code": "推广码无效",
    "own_code": "自己的推广码",
    "owner_inactive": "推荐人已停止推广",
    "own_downline": "不能绑定自己的下级",
}
_EVENT = {
    "commission_settled": "佣金结算入账",
    "withdrawal_requested": "申请提现",
    "withdrawal_released": "提现退回",
    "withdrawal_paid": "提现到账",
    "withdrawal_returned": "提现退票退回",
    "commission_reversed": "退款收回佣金",
    "order_paid": "余额支付订单",
    "refund_succeeded": "订单退款退回余额",
    "debt_filled": "抵扣待追回",
    "bonus": "返利",
    "bonus_reversed": "退款收回返利",
    "manual": "人工调整",
}


# Stored values of the member's own data, by section and column.
EXPORTED: dict[tuple[str, str], Mapping[Any, str]] = {
    ("consents", "document"): {
        "privacy": "隐私说明",
        "distributor_contract": "分销员合作约定",
        "identity": "实名信息授权",
    },
    ("orders", "status"): ORDER_STATE,
    ("payments", "status"): {"created": "待付款", "success": "已付款", "closed": "已关闭"},
    ("payments", "kind"): {"wechat": "微信支付", "balance": "余额支付"},
    ("invoices", "status"): {key: said for key, (said, _) in INVOICE_STATE.items()},
    ("aftersales", "kind"): {"refund": "退款", "return": "退货退款", "exchange": "换货"},
    ("aftersales", "status"): {
        "applied": "待审核",
        "approved": "待寄回",
        "returning": "寄回中",
        "returned": "已收到退货",
        "refunding": "退款中",
        "abnormal": "退款异常",
        "success": "已退款",
        "manual": "已退款",
        "exchanged": "已换货",
        "rejected": "未通过",
        "withdrawn": "已撤销",
        "closed": "已关闭",
    },
    ("reviews", "status"): REVIEW_STATE,
    ("distributor", "status"): {
        **{key: said for key, (said, _) in DISTRIBUTOR_STATE.items()},
        DistributorStatus.APPROVED: "已通过",
    },
    ("commissions", "status"): COMMISSION_STATE,
    ("commissions", "depth"): DEPTH,
    ("bonuses", "state"): BONUS_STATE,
    ("withdrawals", "status"): WITHDRAWAL_STATE,
    ("withdrawals", "channel"): CHANNEL,
    ("payees", "channel"): CHANNEL,
    ("transfer_grants", "status"): GRANT_STATE,
    ("withdrawal_payees", "channel"): CHANNEL,
    ("withheld", "method"): {"none": "不代扣", "monthly": "按月预扣", "cumulative": "累计预扣"},
    ("wallet", "account"): {
        "pending": "待结算",
        "available": "可提现",
        "frozen": "提现中",
        "debt": "待追回",
        "points": "积分",
    },
    ("wallet", "event"): {
        **_EVENT,
        "commission_accrued": "佣金入账待结算",
    },
    ("notices", "kind"): {key: kind.title for key, kind in KINDS.items()},
    ("bindings", "source"): BINDING_SOURCE,
    ("appeals", "status"): {key: said for key, (said, _) in APPEAL_STATE.items()},
    ("bindings", "result"): _BINDING,
    ("scans", "source"): {"follow": "扫码关注", "scan": "扫码", "link": "链接"},
    ("scans", "result"): {
        **_BINDING,
        "bound_same": "已是此推荐人",
        "counted": "已记录",
        "stopped": "渠道已停用",
    },
}


@dataclass(frozen=True)
class Step:
    """One dot of a line of steps; without a time it is still to come."""

    title: str
    at: datetime | None
    note: str = ""
    is_done: bool = True


def order_state(order: Order) -> str:
    """The state of an order in a word."""
    special = PICKUP_STATE if order.pickup else VIRTUAL_STATE if order.is_virtual else {}
    return special.get(order.status) or ORDER_STATE[order.status]


def order_sentence(order: Order, *, is_in_time: bool, is_under_way: bool) -> tuple[str, str]:
    """The state of an order as a sentence, and what comes next.

    `is_in_time` says whether the time for after-sales runs, `is_under_way` that
    all of it is in one already.
    """
    special = PICKUP_SENTENCE if order.pickup else VIRTUAL_SENTENCE if order.is_virtual else {}
    title, next_step = special.get(order.status) or ORDER_SENTENCE[order.status]
    if order.status is S.RECEIVED and not is_in_time:
        next_step = "售后申请期已过，有疑问请联系客服"
    elif is_under_way and order.status in (S.PAID, S.SHIPPED, S.RECEIVED):
        next_step = "售后正在处理，可在下方查看进度"
    return title, next_step


def order_steps(order: Order) -> list[Step]:
    """The walk of an order with its times; a closed one ends where it closed."""
    steps = [Step("提交订单", order.created_at)]
    if order.status in (S.CLOSED, S.CLOSING):
        return [*steps, Step(ORDER_STATE[order.status], None)]
    if order.status is S.REFUNDED:
        return [*steps, Step("付款", order.paid_at), Step(ORDER_STATE[order.status], None)]
    ready, taken = ("备好货", "提货") if order.pickup else ("发货", "收货")
    if order.is_virtual:
        ready = "交付"
    later = [
        ("付款", order.paid_at),
        (ready, order.shipped_at),
        (taken, order.received_at),
        ("完成", order.finished_at),
    ]
    return steps + [Step(title, at, is_done=at is not None) for title, at in later]


def withdrawal_steps(moves: Sequence[StateMove], channel: Channel) -> list[Step]:
    """What happened to a withdrawal, oldest first, from its state moves."""
    said = _STEP if channel is Channel.WECHAT else _STEP | {W.SENDING.value: "商家办理转账"}
    return [Step(said.get(move.to_state, "处理中"), move.at) for move in moves]


@dataclass(frozen=True)
class PaidWhen:
    """When an open commission is paid into the wallet, in words."""

    rhythm: Rhythm
    guard_days: int

    def __call__(self, matures_at: datetime | None) -> str:
        if matures_at is None:
            return f"收货后 {self.guard_days} 天{self._payday()}入账"
        return f"预计 {web.day(self.rhythm.payday(matures_at))} 入账"

    def _payday(self) -> str:
        match self.rhythm.cycle:
            case Cycle.DAILY:
                return "的次日"
            case Cycle.WEEKLY:
                return f"，逢周{'一二三四五六日'[self.rhythm.weekday - 1]}"
            case Cycle.MONTHLY:
                return f"，每月 {self.rhythm.month_day} 号"
        return ""


def settles_on(rhythm: Rhythm) -> str:
    """On which day what matured is settled, after "自动" of a sentence."""
    match rhythm.cycle:
        case Cycle.DAILY:
            return "在次日"
        case Cycle.WEEKLY:
            return f"在下一个周{'一二三四五六日'[rhythm.weekday - 1]}"
        case Cycle.MONTHLY:
            return f"在下一个 {rhythm.month_day} 号"
    return ""


def channel_terms(terms: Terms) -> str:
    """What holds for one way of being paid."""
    said = f"单笔 ¥{format_yuan(terms.least_fen)} 到 ¥{format_yuan(terms.most_fen)}，{_fee(terms)}"
    return f"{said}，每天最多 ¥{format_yuan(terms.day_fen)}" if terms.day_fen else said


def withdraw_terms(rules: Mapping[str, int | str | bool]) -> list[str]:
    """What holds for every withdrawal, sentence by sentence, from the shop's settings."""
    said = []
    often = [
        f"每天最多 {times} 次" if (times := rules[registry.WITHDRAW_DAY_COUNT.key]) else "",
        _at_most("每天合计", int(rules[registry.WITHDRAW_DAY_FEN.key])),
        _at_most("每月合计", int(rules[registry.WITHDRAW_MONTH_FEN.key])),
    ]
    if any(often):
        said.append("，".join(filter(None, often)) + "。")
    if days := str(rules[registry.WITHDRAW_OPEN_DAYS.key]):
        said.append(f"{days_said(days)}。")
    return said


def _fee(terms: Terms) -> str:
    bps, fixed = terms.fee_bps, terms.fee_fen
    parts = [percent(bps) if bps else "", f"每笔 ¥{format_yuan(fixed)}" if fixed else ""]
    said = " 加".join(filter(None, parts))
    return f"手续费{' ' if bps else ''}{said}" if said else "不收手续费"


def _at_most(span: str, fen: int) -> str:
    return f"{span}最多 ¥{format_yuan(fen)}" if fen else ""


def entry_title(entry: Entry) -> str:
    """What moved the money of a wallet's entry."""
    return event_title(entry.posting.event, entry.amount_fen, entry.posting.reason)


_DEBT = {
    "commission_reversed": "退款收回的佣金",
    "bonus_reversed": "退款收回的返利",
    "commission_settled": "佣金结算抵扣",
    "bonus": "返利抵扣",
    "refund_succeeded": "订单退款抵扣",
    "debt_written_off": "商家免除",
}


def debt_title(entry: Entry) -> str:
    """What made a debt, or made it smaller."""
    event = entry.posting.event
    if event.endswith("_reversed") and entry.amount_fen > 0:
        return "退款关闭，不再追回"
    return _DEBT.get(event) or entry.posting.reason or "待追回变动"


def event_title(event: str, change_fen: int, reason: str) -> str:
    """What moved the money."""
    if event == "commission_reversed" and change_fen > 0:
        return "退款关闭，佣金退回"
    if event == "bonus_reversed" and change_fen > 0:
        return "退款关闭，返利退回"
    if event == "bonus" and change_fen < 0:
        return "抵扣待追回"
    return _EVENT.get(event) or reason or "余额变动"


def line_reason(line: reports.Line) -> str:
    """Where a statement's line is explained, in words for a file."""
    kind, of = line.link
    said = {
        "withdrawal": f"提现单 {of}",
        "commission": f"佣金 {of}",
        "settlement": f"结算 {of}",
        "bonus": f"返利 {of}",
        "order": f"订单 {of}",
    }
    return said.get(kind) or line.reason


def relation(depth: int, *, is_own: bool) -> str:
    """How a distributor came to earn from an order."""
    return OWN if is_own else DEPTH[depth]


def closed_at(moves: Sequence[StateMove]) -> datetime | None:
    """When an order was closed, from its state moves."""
    return next((move.at for move in moves if move.to_state == S.CLOSED.value), None)


def member_actor(member_id: int, address: str) -> audit.Actor:
    """A member who acts from an address."""
    return audit.Actor.member(member_id, address)
