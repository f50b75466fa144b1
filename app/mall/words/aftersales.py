"""How after-sales are said to members (售后措辞)."""

from collections.abc import Sequence

from app.aftersales import AfterSale, AfterSaleKind, AfterSaleStatus
from app.audit import StateMove
from app.core.money import format_yuan
from app.core.web import day
from app.mall.words.base import Step

K, S = AfterSaleKind, AfterSaleStatus

# Of each kind: its name, when it fits, and what happens next.
KIND = {K.REFUND: "仅退款", K.RETURN: "退货退款", K.EXCHANGE: "换货"}
FITS = {
    K.REFUND: "没有收到货，或与商家协商后不用寄回商品",
    K.RETURN: "已收到货，寄回商品后退款",
    K.EXCHANGE: "已收到货，寄回后换同款商品",
}
NEXT = {
    K.REFUND: "提交后由商家审核，同意后退款原路退回微信支付，1–3 个工作日到账。",
    K.RETURN: "商家同意后，你会看到退货地址；寄回并填写单号，商家收到后退款，原路退回微信支付。",
    K.EXCHANGE: "商家同意后，你会看到退货地址；寄回并填写单号，商家收到后寄出换货的商品。",
}
STATE = {
    S.APPLIED: "待商家处理",
    S.APPROVED: "待寄回",
    S.RETURNING: "寄回中",
    S.RETURNED: "待换货",
    S.REFUNDING: "退款中",
    S.ABNORMAL: "退款中",
    S.SUCCESS: "已退款",
    S.MANUAL: "已退款",
    S.EXCHANGED: "已换货",
    S.REJECTED: "未通过",
    S.WITHDRAWN: "已关闭",
    S.CLOSED: "退款未成功",
}
_STEP = {
    S.APPLIED: "提交申请",
    S.APPROVED: "商家同意",
    S.RETURNING: "寄回商品",
    S.RETURNED: "商家收到退货",
    S.REFUNDING: "退款已发往微信支付",
    S.ABNORMAL: "退款遇到问题，商家正在处理",
    S.SUCCESS: "退款成功",
    S.MANUAL: "退款成功，商家已转账",
    S.EXCHANGED: "换货商品已寄出",
    S.REJECTED: "申请没有通过",
    S.WITHDRAWN: "售后关闭",
    S.CLOSED: "退款没有成功",
}
WAY_BACK = "原路退回微信支付，1–3 个工作日到账"


def following(kind: AfterSaleKind, *, to_balance: bool) -> str:
    """What happens after asking; an order paid with the balance goes back there."""
    if to_balance:
        return (
            NEXT[kind]
            .replace("退款原路退回微信支付，1–3 个工作日到账", "退款马上退回你的余额")
            .replace("退款，原路退回微信支付", "退款，退回你的余额")
        )
    return NEXT[kind]


def way_back(status: AfterSaleStatus, *, to_balance: bool) -> str:
    if status is S.MANUAL:
        return "商家转账"
    return "退回余额" if to_balance else "原路退回微信支付"


def sentence(
    row: AfterSale, moves: Sequence[StateMove], *, to_balance: bool = False
) -> tuple[str, str]:
    """Where an after-sale stands, and what comes next."""
    yuan = f"¥{format_yuan(row.amount_fen)}"
    match row.status:
        case S.APPLIED:
            return "等待商家处理", "通常 1–2 个工作日内有结果，处理前可以撤销"
        case S.APPROVED:
            return "商家已同意，请寄回商品", (
                f"请在 {day(row.send_back_by)} 前寄出并填写快递单号，超时自动关闭"
            )
        case S.RETURNING:
            then = "寄出换货的商品" if row.kind is K.EXCHANGE else f"退款 {yuan}"
            return "商品寄回中", f"商家收到并检查无误后{then}"
        case S.RETURNED:
            return "商家已收到退货", "换货的商品会尽快寄出"
        case S.REFUNDING:
            return f"退款中 {yuan}", WAY_BACK
        case S.ABNORMAL:
            return f"退款处理中 {yuan}", "微信支付暂时没有退成，商家正在处理，钱不会丢失"
        case S.SUCCESS:
            where = "原路退回微信支付，到账时间以微信和银行为准"
            return f"退款成功 {yuan}", f"已{'退回你的余额' if to_balance else where}"
        case S.MANUAL:
            return f"退款成功 {yuan}", "原路退回没有成功，商家已用其他方式转账给你"
        case S.EXCHANGED:
            return "换货商品已寄出", "收到后如有问题，可以再次申请售后"
        case S.REJECTED:
            return "售后申请没有通过", "原因见下方；如有异议，可以补充说明后重新申请或联系客服"
        case S.CLOSED:
            return "退款没有成功", "微信支付关闭了这笔退款，请重新申请或联系客服"
    by_member = bool(moves) and moves[-1].actor.startswith("member:")
    return (
        ("你已撤销申请", "需要时可以在期限内重新申请")
        if by_member
        else (
            "售后已关闭",
            "超过寄回期限没有填写快递单号；需要时可以在期限内重新申请",
        )
    )


def steps(row: AfterSale, moves: Sequence[StateMove], *, to_balance: bool = False) -> list[Step]:
    """What happened so far, oldest first."""
    # A refund alone is approved and sent in one breath, and to a balance it is there at once.
    passing = {S.APPROVED.value} if row.kind is K.REFUND else set()
    passing |= {S.REFUNDING.value} if to_balance else set()
    told = [move for move in moves if move.to_state not in passing]
    return [Step(_step(row, move), move.at) for move in told]


def _step(row: AfterSale, move: StateMove) -> str:
    to = AfterSaleStatus(move.to_state)
    if to is S.APPLIED and move.actor.startswith("admin:"):
        return "商家主动退款"
    if to is S.REFUNDING and row.kind is K.REFUND and move.from_state == S.APPROVED.value:
        return "商家同意，退款已发往微信支付"
    if to is S.WITHDRAWN:
        return "你撤销了申请" if move.actor.startswith("member:") else "超时没有寄回，自动关闭"
    return _STEP[to]
