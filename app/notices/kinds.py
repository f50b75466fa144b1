"""Every kind of notice (通知类型) with the values that it has to tell."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class ValueType(enum.StrEnum):
    """What a value is, and so in which of WeChat's fields it may stand."""

    TEXT = "text"
    CODE = "code"  # letters and digits: a number of ours, a tracking number
    AMOUNT = "amount"  # integer fen
    COUNT = "count"
    TIME = "time"  # aware, as ISO 8601
    PHRASE = "phrase"  # at most five Chinese characters


@dataclass(frozen=True)
class Source:
    """A value of a notice: its name for people, its type, and an example."""

    label: str
    type: ValueType
    example: str | int


@dataclass(frozen=True)
class Kind:
    """A kind of notice. What waits for the member's own act cannot be muted."""

    key: str
    title: str
    group: str
    when: str
    sources: Mapping[str, Source]
    can_mute: bool = True


GROUPS = {
    "order": "订单",
    "aftersale": "售后",
    "commission": "佣金",
    "withdrawal": "提现",
    "distribution": "分销",
    # For admins who are members, not for customers.
    "desk": "经营报表",
}

_T = ValueType
_SHOP = Source("店铺名称", _T.TEXT, "云集好物")
_NUMBER = Source("订单编号", _T.CODE, "M20261121K7Q2M8XZ")
_GOODS = Source("商品", _T.TEXT, "高山绿茶 250g 等 2 件")
_TIME = Source("时间", _T.TIME, "2026-11-21T10:05:00+00:00")
_BILL = Source("提现单号", _T.CODE, "W20261121H3T9P4DA")
_CASE = Source("售后单号", _T.CODE, "S20261121P4R8N2VC")
_REASON = Source("原因", _T.TEXT, "收款账户异常，金额已退回余额")


def _state(word: str) -> Source:
    return Source("状态", _T.PHRASE, word)


def _kind(
    key: str, title: str, group: str, when: str, *, can_mute: bool = True, **sources: Source
) -> Kind:
    return Kind(key, title, group, when, {**sources, "shop": _SHOP}, can_mute)


KINDS: Mapping[str, Kind] = {
    kind.key: kind
    for kind in (
        _kind(
            "order_paid",
            "付款成功",
            "order",
            "买家付款后",
            number=_NUMBER,
            goods=_GOODS,
            amount=Source("实付金额", _T.AMOUNT, 128_00),
            time=_TIME,
            state=_state("待发货"),
        ),
        _kind(
            "order_shipped",
            "商品已发货",
            "order",
            "商家发货后",
            number=_NUMBER,
            goods=_GOODS,
            carrier=Source("快递公司", _T.TEXT, "顺丰速运"),
            tracking=Source("快递单号", _T.CODE, "SF1234567890"),
            time=_TIME,
            state=_state("已发货"),
        ),
        _kind(
            "aftersale_approved",
            "请寄回商品",
            "aftersale",
            "商家同意退货或换货后",
            can_mute=False,
            number=_CASE,
            goods=_GOODS,
            address=Source("退货地址", _T.TEXT, "王师傅 0571-87654321 杭州市文三路 1 号"),
            deadline=Source("最晚寄出时间", _T.TIME, "2026-11-28T10:05:00+00:00"),
            state=_state("待寄回"),
        ),
        _kind(
            "aftersale_rejected",
            "售后申请未通过",
            "aftersale",
            "商家拒绝售后申请，或退回的商品不符后",
            can_mute=False,
            number=_CASE,
            goods=_GOODS,
            reason=Source("原因", _T.TEXT, "商品已拆封使用，影响二次销售"),
            time=_TIME,
            state=_state("未通过"),
        ),
        _kind(
            "aftersale_exchanged",
            "换货商品已寄出",
            "aftersale",
            "商家寄出换货的商品后",
            number=_CASE,
            goods=_GOODS,
            carrier=Source("快递公司", _T.TEXT, "顺丰速运"),
            tracking=Source("快递单号", _T.CODE, "SF1234567890"),
            time=_TIME,
            state=_state("已寄出"),
        ),
        _kind(
            "order_refunded",
            "退款成功",
            "aftersale",
            "退款到账后，关单后或重复付的款退回时也发",
            number=_NUMBER,
            goods=_GOODS,
            amount=Source("退款金额", _T.AMOUNT, 128_00),
            time=_TIME,
            state=_state("已退款"),
        ),
        _kind(
            "commission_earned",
            "好友下单，获得佣金",
            "commission",
            "直接推荐的好友付款后，一单一条",
            buyer=Source("好友", _T.TEXT, "王*芳"),
            goods=_GOODS,
            amount=Source("佣金", _T.AMOUNT, 12_80),
            expected=Source("预计到账", _T.TEXT, "确认收货 15 天后"),
            time=_TIME,
            state=_state("待结算"),
        ),
        _kind(
            "commission_settled",
            "佣金已到账",
            "commission",
            "佣金结算进钱包后，一次结算一条",
            amount=Source("到账金额", _T.AMOUNT, 86_40),
            count=Source("笔数", _T.COUNT, 5),
            time=_TIME,
            state=_state("已到账"),
        ),
        _kind(
            "team_digest",
            "团队佣金周报",
            "commission",
            "每周一上午，间接推荐的佣金上周合计",
            week=Source("统计周期", _T.TEXT, "11-16 至 11-22"),
            amount=Source("佣金合计", _T.AMOUNT, 236_50),
            count=Source("笔数", _T.COUNT, 18),
            time=_TIME,
            state=_state("待结算"),
        ),
        _kind(
            "withdrawal_approved",
            "提现审核通过",
            "withdrawal",
            "管理员通过提现后",
            number=_BILL,
            amount=Source("提现金额", _T.AMOUNT, 200_00),
            net=Source("实际到账", _T.AMOUNT, 200_00),
            time=_TIME,
            state=_state("待打款"),
        ),
        _kind(
            "withdrawal_to_confirm",
            "请确认收款",
            "withdrawal",
            "打款已发出，等本人在微信里确认",
            can_mute=False,
            number=_BILL,
            net=Source("收款金额", _T.AMOUNT, 200_00),
            deadline=Source("最晚确认时间", _T.TIME, "2026-11-22T10:05:00+00:00"),
            note=Source("说明", _T.TEXT, "请点开确认收款"),
            state=_state("待收款"),
        ),
        _kind(
            "withdrawal_reminder",
            "收款即将过期",
            "withdrawal",
            "还没有确认收款，24 小时期满之前提醒一次",
            can_mute=False,
            number=_BILL,
            net=Source("收款金额", _T.AMOUNT, 200_00),
            deadline=Source("最晚确认时间", _T.TIME, "2026-11-22T10:05:00+00:00"),
            note=Source("说明", _T.TEXT, "收款快过期了，请尽快确认"),
            state=_state("待收款"),
        ),
        _kind(
            "withdrawal_paid",
            "提现已到账",
            "withdrawal",
            "微信支付转账成功，或财务登记已打款后",
            number=_BILL,
            net=Source("到账金额", _T.AMOUNT, 200_00),
            time=_TIME,
            state=_state("已到账"),
        ),
        _kind(
            "withdrawal_failed",
            "提现没有成功",
            "withdrawal",
            "转账失败、过期、被撤销或退票，金额退回余额后",
            can_mute=False,
            number=_BILL,
            amount=Source("退回金额", _T.AMOUNT, 200_00),
            reason=_REASON,
            time=_TIME,
            state=_state("已退回"),
        ),
        _kind(
            "withdrawal_rejected",
            "提现未通过审核",
            "withdrawal",
            "管理员拒绝提现，金额退回余额后",
            can_mute=False,
            number=_BILL,
            amount=Source("退回金额", _T.AMOUNT, 200_00),
            reason=_REASON,
            time=_TIME,
            state=_state("未通过"),
        ),
        _kind(
            "application_approved",
            "分销申请已通过",
            "distribution",
            "分销申请审核通过后",
            name=Source("申请人", _T.TEXT, "王芳"),
            time=_TIME,
            state=_state("已通过"),
        ),
        _kind(
            "distributor_invited",
            "邀请你成为分销员",
            "distribution",
            "管理员邀请会员加入分销后",
            reason=Source("邀请说明", _T.TEXT, "感谢一直以来的支持"),
            time=_TIME,
            state=_state("待同意"),
        ),
        _kind(
            "distributor_suspended",
            "分销资格已暂停",
            "distribution",
            "管理员暂停分销资格后",
            can_mute=False,
            reason=Source("原因", _T.TEXT, "推广内容与商品不符"),
            time=_TIME,
            state=_state("已暂停"),
        ),
        _kind(
            "distributor_restored",
            "分销资格已恢复",
            "distribution",
            "管理员恢复分销资格后",
            time=_TIME,
            state=_state("已恢复"),
        ),
        _kind(
            "distributor_closed",
            "已退出分销",
            "distribution",
            "本人退出或管理员关闭分销资格后",
            time=_TIME,
            state=_state("已退出"),
        ),
        _kind(
            "inviter_changed",
            "邀请人有调整",
            "distribution",
            "管理员调整归属后，告诉被调整的本人",
            reason=Source("原因", _T.TEXT, "核实申诉后调整"),
            time=_TIME,
            state=_state("已调整"),
        ),
        _kind(
            "appeal_refused",
            "归属申诉未通过",
            "distribution",
            "管理员答复申诉而不调整后",
            can_mute=False,
            reason=Source("原因", _T.TEXT, "核对扫码记录，邀请人无误"),
            time=_TIME,
            state=_state("未调整"),
        ),
        _kind(
            "appeal_accepted",
            "归属申诉已通过",
            "distribution",
            "管理员按申诉调整归属后",
            can_mute=False,
            reason=Source("说明", _T.TEXT, "核对扫码记录后已调整"),
            time=_TIME,
            state=_state("已调整"),
        ),
        _kind(
            "level_reached",
            "等级升级",
            "distribution",
            "分销等级升高后，升一次一条",
            level=Source("新等级", _T.TEXT, "高级分销员"),
            benefits=Source("等级权益", _T.TEXT, "直推佣金 12%"),
            time=_TIME,
            state=_state("已升级"),
        ),
        _kind(
            "report_ready",
            "定期报表已生成",
            "desk",
            "管理员订阅的报表生成后，发给登记了会员身份的管理员",
            report=Source("报表", _T.TEXT, "销售报表"),
            span=Source("统计时间", _T.TEXT, "2026-11-20 至 2026-11-20"),
            time=_TIME,
            state=_state("已生成"),
        ),
        _kind(
            "application_rejected",
            "分销申请未通过",
            "distribution",
            "分销申请被拒绝后",
            name=Source("申请人", _T.TEXT, "王芳"),
            reason=Source("原因", _T.TEXT, "请补充推广方式说明后重新申请"),
            time=_TIME,
            state=_state("未通过"),
        ),
    )
}
