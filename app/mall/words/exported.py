"""Words for the stored values of a member's own data (数据导出)."""

from collections.abc import Mapping
from typing import Any

from app.distribution import DistributorStatus
from app.mall.words.commissions import BONUS_STATE, COMMISSION_STATE, DEPTH
from app.mall.words.orders import INVOICE_STATE, ORDER_STATE, REVIEW_STATE
from app.mall.words.people import APPEAL_STATE, BINDING, BINDING_SOURCE, DISTRIBUTOR_STATE
from app.mall.words.wallet import EVENT
from app.mall.words.withdrawals import CHANNEL, GRANT_STATE, WITHDRAWAL_STATE
from app.notices import KINDS

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
        **EVENT,
        "commission_accrued": "佣金入账待结算",
    },
    ("notices", "kind"): {key: kind.title for key, kind in KINDS.items()},
    ("bindings", "source"): BINDING_SOURCE,
    ("appeals", "status"): {key: said for key, (said, _) in APPEAL_STATE.items()},
    ("bindings", "result"): BINDING,
    ("scans", "source"): {"follow": "扫码关注", "scan": "扫码", "link": "链接"},
    ("scans", "result"): {
        **BINDING,
        "bound_same": "已是此推荐人",
        "counted": "已记录",
        "stopped": "渠道已停用",
    },
}
