"""Words for the books, reconciliation and tax (账目)."""

from collections.abc import Mapping

from app.admin.words.base import Word
from app.debts import WriteOffState
from app.ledger import AccountKind
from app.orders import OddityKind
from app.reconciliation import BillKind, BreakKind, DayState

ACCOUNT: Mapping[str, str] = {
    AccountKind.WORLD_WX: "微信支付（外部）",
    AccountKind.WORLD_BANK: "银行与支付宝（外部）",
    AccountKind.ORDER_HOLD: "订单待结转",
    AccountKind.SHOP: "店铺收入",
    AccountKind.REFUND_DUE: "应退买家",
    AccountKind.TAX_PAYABLE: "应缴个税",
    AccountKind.VAT_PAYABLE: "应缴增值税",
    AccountKind.POINTS_ISSUED: "积分发行",
    AccountKind.PENDING: "待结算佣金",
    AccountKind.AVAILABLE: "可提现余额",
    AccountKind.FROZEN: "提现冻结",
    AccountKind.DEBT: "待追回",
    AccountKind.POINTS: "积分",
}
EVENT: Mapping[str, str] = {
    "order_paid": "订单收款",
    "order_finished": "订单完成结转",
    "commission_accrued": "佣金入账（待结算）",
    "commission_settled": "佣金结算",
    "commission_reversed": "退款冲回佣金",
    "refund_approved": "同意退款",
    "refund_succeeded": "退款到账",
    "refund_closed": "退款关闭，退回原处",
    "bonus": "发放返利",
    "debt_written_off": "核销待追回",
    "tax_remitted": "代扣个税缴库",
    "tax_remittance_reversed": "冲正个税缴款",
    "bonus_reversed": "退款后追回返利",
    "withdrawal_requested": "申请提现冻结",
    "withdrawal_released": "提现退回余额",
    "withdrawal_paid": "提现到账",
    "withdrawal_returned": "提现退票退回",
    OddityKind.PAID_LATE: "关单后收款",
    OddityKind.PAID_TWICE: "重复收款",
}
BREAK: Mapping[str, str] = {
    BreakKind.PAYMENT: "付款",
    BreakKind.REFUND: "退款",
    BreakKind.TRANSFER: "提现转账",
    BreakKind.FLOW: "两份账单不一致",
    BreakKind.LEDGER: "账本多记",
    BreakKind.GAP: "账户余额不连续",
}
RECONCILED: Mapping[str, Word] = {
    DayState.AGREES: ("一致", "good"),
    DayState.BREAKS: ("有差异", "bad"),
    DayState.REFUSED: ("账单不完整", "bad"),
}
BILL_FILE: Mapping[str, str] = {BillKind.TRADE: "交易账单", BillKind.FLOW: "资金账单"}


def break_meaning(
    kind: BreakKind, ledger: int | None, request: int | None, bill: int | None
) -> str:
    """What a disagreement means, and where to look first."""
    if kind is BreakKind.GAP:
        return "微信账户当天的期初余额与前一天的期末余额不同，可能缺了账单"
    if kind is BreakKind.LEDGER:
        return "账本记了微信的钱，商城里没有对应的单据"
    if kind is BreakKind.FLOW:
        return "交易账单与资金账单只有一份有这笔"
    if bill is None:
        return "商城记为成功，微信账单里没有：到商户平台查这笔是否真的成功"
    if request is None:
        return "微信账单有，商城没有这笔单据：可能是别的系统所为，或恢复备份时丢失"
    if ledger is None:
        return "微信账单有，商城的单据还没有结束：先补查微信的结果"
    return "三方金额不同：以微信账单为准，查明后更正"


INVARIANT: Mapping[str, str] = {
    "B1": "已发放的返利与分录一致",
    "B2": "退款追回的返利与分录一致",
    "L1": "每笔分录至少两条明细，且借贷相抵为 0",
    "L2": "账户余额等于其明细之和",
    "L3": "不允许为负的账户没有变负",
    "C1": "佣金不超过单行上限，每层级只有一条",
    "C2": "退款后佣金同比例收回",
    "C3": "退货期结束前没有结算",
    "C4": "已结算的佣金与分录一致",
    "C5": "可结算的清单与待结算佣金一致",
    "O1": "每个已付款订单恰有一笔收款分录",
    "O2": "退款不超过实付",
    "O3": "已完成的订单没有滞留资金",
    "R1": "订单的退款与售后单一致",
    "R2": "待退款等于在途退款与迟到的收款",
    "W1": "提现金额 = 到账 + 税 + 手续费",
    "W2": "每笔提现最多一张有效转账单",
    "W3": "已到账的提现恰有一张成功的转账单",
    "W4": "冻结金额等于处理中的提现",
    "W5": "提现扣税与代扣明细一致，应交税款等于已到账提现的代扣减去已缴的税款",
    "S1": "状态只按规定流转，记录首尾相接",
    "K2": "库存与流水一致，没有变负",
    "P1": "待结算余额等于未结算的佣金",
    "T1": "分销关系没有环，存储的上级与关系树一致",
}
REMITTANCE: Mapping[str, Word] = {
    "asked": ("待确认", "wait"),
    "done": ("已入账", "good"),
    "refused": ("未入账", "off"),
}
WRITE_OFF: Mapping[str, Word] = {
    WriteOffState.ASKED: ("待复核", "wait"),
    WriteOffState.DONE: ("已核销", "good"),
    WriteOffState.REFUSED: ("未核销", "off"),
}
TAX_METHOD: Mapping[str, str] = {"none": "不代扣", "monthly": "按月预扣", "cumulative": "累计预扣"}
