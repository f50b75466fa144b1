"""Words for orders, payments, invoices, carriers and what went wrong with a payment (订单)."""

from collections.abc import Mapping

from app.admin.words.base import Word
from app.orders import InvoiceStatus, OddityKind, OrderStatus, PaymentKind, PaymentStatus

ORDER: Mapping[str, Word] = {
    OrderStatus.UNPAID: ("待付款", "wait"),
    OrderStatus.CLOSING: ("关闭中", "off"),
    OrderStatus.CLOSED: ("已关闭", "off"),
    OrderStatus.PAID: ("待发货", "wait"),
    OrderStatus.SHIPPED: ("待收货", "go"),
    OrderStatus.RECEIVED: ("已收货", "good"),
    OrderStatus.FINISHED: ("已完成", "good"),
    OrderStatus.REFUNDED: ("已退款", "off"),
}
INVOICE: Mapping[str, Word] = {
    InvoiceStatus.REQUESTED: ("待开票", "wait"),
    InvoiceStatus.ISSUED: ("已开票", "good"),
    InvoiceStatus.REFUSED: ("已退回", "off"),
}
PAYMENT_KIND: Mapping[str, str] = {
    PaymentKind.WECHAT: "微信支付",
    PaymentKind.BALANCE: "余额支付",
}
PAYMENT: Mapping[str, Word] = {
    PaymentStatus.CREATED: ("未付款", "wait"),
    PaymentStatus.SUCCESS: ("已付款", "good"),
    PaymentStatus.CLOSED: ("已关闭", "off"),
}
CARRIERS = (
    "顺丰速运",
    "京东快递",
    "中通快递",
    "圆通速递",
    "韵达快递",
    "申通快递",
    "极兔速递",
    "邮政 EMS",
    "德邦快递",
)
ODDITY: Mapping[str, dict[str, str]] = {
    OddityKind.UNKNOWN_NUMBER: {
        "title": "收到未知单号的付款通知",
        "what": "微信通知了一笔付款，但商城没有这个支付单号。钱没有记账。",
        "next": "到微信支付商户平台按下方交易单号查询来源；确认不是商城订单后，由商户平台退款，再在此写明结果。",
    },
    OddityKind.AMOUNT_DIFFERS: {
        "title": "付款金额与订单不符",
        "what": "微信确认的金额与商城请求的金额不同。订单没有变为已付款，钱没有记账。",
        "next": "到商户平台核对实际金额。不要手工改订单；请在商户平台原路退款，并联系买家重新下单。",
    },
    OddityKind.MERCHANT_DIFFERS: {
        "title": "通知来自别的商户号",
        "what": "通知里的商户号不是本店的。没有记账，订单不受影响。",
        "next": "检查微信支付的商户号与回调地址是否配置错误；若配置正确，可能是误发，写明结论即可。",
    },
    OddityKind.APP_DIFFERS: {
        "title": "通知来自别的公众号",
        "what": "通知里的 AppID 不是本店公众号的。没有记账，订单不受影响。",
        "next": "检查公众号 AppID 与商户号的绑定关系；确认后写明结论。",
    },
    OddityKind.PAID_LATE: {
        "title": "订单关闭后才收到付款",
        "what": "订单已超时关闭、库存已释放，买家的钱随后到账。钱已记入“应退买家”。",
        "next": "点“原路退回”把钱退给买家，到账后自动标为已处理；也可与买家商量重新下单后再写明结果。",
    },
    OddityKind.PAID_TWICE: {
        "title": "同一订单付款两次",
        "what": "订单已付款，又收到第二笔。第二笔已记入“应退买家”。",
        "next": "点“原路退回”退回第二笔，第一笔和订单不受影响；到账后自动标为已处理。",
    },
    OddityKind.TRANSFER_DIFFERS: {
        "title": "转账结果与转账单不符",
        "what": "微信关于一笔提现转账的答复，与商城保存的转账单不一致。答复没有采纳，提现金额保持冻结。",
        "next": "到商户平台按转账单号查询真实结果。确认前不要重新打款。",
    },
    OddityKind.REFUND_DIFFERS: {
        "title": "退款结果与退款单不符",
        "what": "微信通知的退款单号、金额或商户号与商城的记录不同。没有据此记账。",
        "next": "到商户平台按退款单号核对；确认钱的去向后在此写明结果，再决定是否重新退款。",
    },
}
FACT: Mapping[str, str] = {
    "out_trade_no": "商户支付单号",
    "transaction_id": "微信交易单号",
    "out_bill_no": "商户转账单号",
    "mchid": "商户号",
    "appid": "AppID",
    "amount_fen": "微信确认的金额",
    "expected_fen": "商城记录的金额",
    "currency": "币种",
    "state": "微信状态",
}


def carrier_choices() -> list[tuple[str, str]]:
    """The common carriers for a select field."""
    return [(name, name) for name in CARRIERS]
