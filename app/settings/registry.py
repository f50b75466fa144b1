"""Every business setting. Figures that law fixes say where they come from."""

import re
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.core.errors import InvalidInput

V = TypeVar("V", int, str, bool)


@dataclass(frozen=True)
class Setting(Generic[V]):
    """`key` with its default, its Chinese title and help, and what is allowed."""

    key: str
    default: V
    title: str
    help: str = ""
    unit: str = ""
    least: int | None = None
    most: int | None = None
    choices: tuple[tuple[str, str], ...] = ()
    pattern: str = ""
    # One admin proposes a value, another puts it in force: it decides how much money may
    # leave, when, and who may let it.
    two_people: bool = False

    def check(self, value: object) -> V:
        """`value` if it may be stored. Raises InvalidInput naming this key."""
        # bool is an int to Python, but never to a person who typed a number.
        if type(value) is not type(self.default):
            raise InvalidInput(self.key, f"{self.title}的格式不正确")
        if isinstance(value, int) and not isinstance(value, bool):
            if self.least is not None and value < self.least:
                raise InvalidInput(
                    self.key, f"{self.title}不能小于 {self.least} {self.unit}".strip()
                )
            if self.most is not None and value > self.most:
                raise InvalidInput(
                    self.key, f"{self.title}不能大于 {self.most} {self.unit}".strip()
                )
        if isinstance(value, str):
            if self.choices and value not in dict(self.choices):
                raise InvalidInput(self.key, f"{self.title}不在可选范围内")
            if self.pattern and not re.fullmatch(self.pattern, value):
                raise InvalidInput(self.key, f"{self.title}的格式不正确")
        return value


SHOP_NAME = Setting("shop.name", "云集好物", "店铺名称", pattern=r".{1,20}")
BRAND_COLOUR = Setting(
    "shop.brand_colour", "#E6432D", "品牌色", "例如 #E6432D", pattern=r"#[0-9A-Fa-f]{6}"
)

ORDER_EXPIRE_MINUTES = Setting(
    "order.expire_minutes", 30, "未付款订单保留时间", unit="分钟", least=5, most=1440
)
ORDER_RECEIVE_DAYS = Setting(
    "order.receive_days", 10, "发货后自动确认收货", unit="天", least=3, most=60
)

# compliance.md, "Income tax": spending commissions is taking them out.
BALANCE_PAY_ON = Setting(
    "order.balance_pay_on",
    False,
    "余额支付",
    "开启后，分销员可以用可提现的佣金余额付清整笔订单，退款退回余额；"
    "有待追回佣金的不能用。“个人所得税代扣方式”不是“不代扣”时一律不开放，请先与会计确认",
)

RESTOCK_DAYS = Setting(
    "catalog.restock_days",
    30,
    "补货够卖多少天",
    "库存预警页的建议补货量按这么多天的预计销量计算，另留预警值作备用",
    unit="天",
    least=7,
    most=60,
)
MEMBER_PRICE_FOR = Setting(
    "catalog.member_price_for",
    "distributors",
    "谁享受会员价",
    "商品规格里填写了会员价才有效；下单时按会员价计算货款和佣金",
    choices=(
        ("nobody", "不使用会员价"),
        ("distributors", "分销员"),
        ("followers", "关注公众号的会员"),
    ),
)

# Consumer protection law, art. 25: 7 days to return, 7 days to get the money
# back; card refunds take WeChat up to 3 working days. See compliance.md.
GUARD_DAYS = Setting(
    "commission.guard_days",
    15,
    "收货后佣金结算等待期",
    "不得短于 7 天无理由退货期加退款处理时间",
    unit="天",
    least=10,
    most=90,
    two_people=True,
)

SETTLE_CYCLE = Setting(
    "commission.settle_cycle",
    "matured",
    "佣金结算周期",
    "等待期满的佣金在结算日零点后转入可提现；改动对所有未结算的佣金生效，分销员看到的预计日期随之变化",
    choices=(
        ("matured", "随到随结：等待期满后几分钟内"),
        ("daily", "每天"),
        ("weekly", "每周一次"),
        ("monthly", "每月一次"),
    ),
)
SETTLE_WEEKDAY = Setting(
    "commission.settle_weekday",
    "1",
    "每周结算日",
    "只在“每周一次”下起作用",
    choices=tuple((str(n), f"周{day}") for n, day in enumerate("一二三四五六日", 1)),
)
SETTLE_MONTH_DAY = Setting(
    "commission.settle_month_day",
    1,
    "每月结算日",
    "只在“每月一次”下起作用；当月没有这一天的，在最后一天结算",
    unit="号",
    least=1,
    most=31,
)

# Consumer protection law, art. 25: seven days to return without a reason.
AFTERSALE_DAYS = Setting(
    "aftersale.days",
    7,
    "收货后可申请售后",
    "不得短于 7 天无理由退货期",
    unit="天",
    least=7,
    most=60,
)
RETURN_SEND_DAYS = Setting(
    "aftersale.send_back_days",
    7,
    "同意退货后寄回期限",
    "超过期限没有填写退货单号的售后自动关闭",
    unit="天",
    least=3,
    most=30,
)
RETURN_ADDRESS = Setting(
    "aftersale.return_address",
    "",
    "退货地址",
    "收件人、电话和地址，买家寄回商品时看到",
    pattern=r".{0,120}",
)

JOIN_MODE = Setting(
    "distribution.join_mode",
    "review",
    "成为分销员的方式",
    "管理员随时可以另外邀请会员加入；按购买或消费加入须由服务器开启",
    choices=(
        ("review", "申请后由商家审核"),
        ("open", "申请即通过"),
        ("invited", "只接受商家邀请"),
        ("purchase", "购买指定商品后申请即通过"),
        ("spending", "累计消费达标后申请即通过"),
    ),
)
JOIN_PRODUCTS_MAX = 20
JOIN_PRODUCTS = Setting(
    "distribution.join_products",
    "",
    "加入所需的指定商品",
    f"最多 {JOIN_PRODUCTS_MAX} 件，买过其中一件即可；只在“购买指定商品”方式下起作用",
    pattern=rf"(?:\d{{1,9}}(?:,\d{{1,9}}){{0,{JOIN_PRODUCTS_MAX - 1}}})?",
)
JOIN_SPENDING_FEN = Setting(
    "distribution.join_spending_fen",
    500_00,
    "加入所需的累计消费",
    "已付款减去已退款，不含运费；只在“累计消费达标”方式下起作用",
    unit="分",
    least=1_00,
    most=100_000_00,
)

BINDING_POLICY = Setting(
    "binding.policy",
    "permanent",
    "客户归属规则",
    "改动只影响之后的扫码和访问；已付款订单的佣金不变",
    choices=(
        ("permanent", "首绑永久：第一次绑定后不再更换"),
        ("protected", "保护期：保护期内不变，之后可被新的推广码换绑"),
        ("last_touch", "最后一次点击：每次使用新的推广码都换绑"),
    ),
)
BINDING_MOMENT = Setting(
    "binding.moment",
    "visit",
    "绑定时机",
    "选“下单时”则先记住推广码，下单时才绑定，这一单就算业绩",
    choices=(
        ("visit", "扫码或打开推广链接时"),
        ("scan", "只在扫公众号二维码时"),
        ("order", "下单时"),
    ),
)
BINDING_PROTECT_DAYS = Setting(
    "binding.protect_days",
    15,
    "客户保护期",
    "从绑定或最后一次付款算起，期内别人不能换绑；过后仍归原分销员，直到有人换绑。只在“保护期”规则下起作用",
    unit="天",
    least=1,
    most=3650,
)
BINDING_VALID_DAYS = Setting(
    "binding.valid_days",
    0,
    "绑定有效期",
    "从绑定算起，过后客户的新订单不再给上级计佣，使用任何推广码都会重新绑定；0 表示永久有效。分销员的上级不受影响",
    unit="天",
    least=0,
    most=3650,
)
BINDING_REMEMBER_DAYS = Setting(
    "binding.remember_days",
    30,
    "下单绑定时推广码保留",
    "只在绑定时机为“下单时”起作用",
    unit="天",
    least=1,
    most=365,
)
BINDING_BUYERS = Setting(
    "binding.buyers",
    True,
    "已购买过的会员可以绑定",
    "关闭后，付过款而没有上级的会员不再被任何推广码绑定",
)
BINDING_MOVES_DISTRIBUTORS = Setting(
    "binding.moves_distributors",
    False,
    "分销员也按上述规则换绑",
    "打开后，分销员使用别人的推广码会带着整个团队换上级；关闭时只能由管理员调整",
)
TEAM_NAMES_MASKED = Setting(
    "distribution.team_names_masked",
    True,
    "团队成员昵称打码",
    "关闭后，分销员在“我的团队”里看到成员的完整昵称；排行榜始终打码",
)
RANKING_METRIC = Setting(
    "distribution.ranking_metric",
    "sales",
    "排行榜比什么",
    "更改后在下一次计算时生效，十分钟之内",
    choices=(("sales", "直推好友的成交额"), ("earned", "获得的佣金")),
)

POSTER_STARTERS = Setting(
    "distribution.poster_starters",
    True,
    "提供内置海报",
    "关闭后，分销员只能选择商家自己设计的海报；一张都没有设计时仍用内置海报",
)

INVITER_NAME = Setting(
    "binding.inviter_name",
    "masked",
    "邀请人的名字",
    "会员在“我的邀请人”里看到的名字",
    choices=(("masked", "只显示首尾字"), ("full", "显示完整昵称"), ("hidden", "不显示名字")),
)

RISK_BURST_BINDS = Setting(
    "risk.burst_binds",
    50,
    "短时间内绑定人数提醒",
    "一位分销员在下面的时间内新绑定的人数超过它，就提示核实，核实前佣金暂缓结算",
    unit="人",
    least=5,
    most=10_000,
)
RISK_BURST_MINUTES = Setting(
    "risk.burst_minutes",
    10,
    "绑定人数的统计时间",
    "与“短时间内绑定人数提醒”一起使用",
    unit="分钟",
    least=1,
    most=1440,
)
RISK_RING_DAYS = Setting(
    "risk.ring_days",
    90,
    "互相购买的统计时间",
    "这段时间内两三位分销员互相从对方的订单取得佣金，就提示核实",
    unit="天",
    least=1,
    most=365,
)

LEVEL_COUNTS_OWN = Setting(
    "distribution.level_counts_own_orders",
    False,
    "分销员自己的订单计入等级业绩",
    "打开后，本人下单的金额和单数也计入升级与保级；客户数不计本人",
)

WITHDRAW_MIN_FEN = Setting(
    "withdraw.min_fen",
    1_00,
    "微信零钱：单笔最低提现金额",
    "微信转账最低 0.10 元",
    unit="分",
    least=10,
    most=1_000_00,
)
WITHDRAW_MAX_FEN = Setting(
    "withdraw.max_fen",
    200_00,
    "微信零钱：单笔最高提现金额",
    "不得高于商户号在微信支付后台的单笔转账上限；到账 2000 元起微信核对收款人姓名，提现人须先填写实名信息",
    unit="分",
    least=10,
    # The most that WeChat grants a merchant for one bill.
    most=20_000_00,
    two_people=True,
)
WITHDRAW_WECHAT_ON = Setting(
    "withdraw.wechat_on", True, "微信零钱：开放提现", "关闭后不能再申请，已提交的照常处理"
)
WITHDRAW_WECHAT_GRANT_ON = Setting(
    "withdraw.wechat_grant_on",
    False,
    "微信零钱：免确认自动到账",
    "商户号在微信支付“商家转账”里获批“用户授权免确认”后再打开。打开后，分销员可以在提现页授权一次，"
    "之后的提现审核通过即自动到账，不必每笔确认；关闭后不再使用授权，一律改回逐笔确认，已有授权仍可由本人关闭",
)
WITHDRAW_WECHAT_DAY_FEN = Setting(
    "withdraw.wechat_day_fen",
    0,
    "微信零钱：每人每天提现总额",
    "0 表示只受“每人每天提现总额”限制",
    unit="分",
    least=0,
    most=100_000_00,
    two_people=True,
)
WITHDRAW_TWO_PERSON_FEN = Setting(
    "withdraw.two_person_fen",
    100_00,
    "双人审核起点",
    "达到此金额的提现须由两位管理员先后通过",
    unit="分",
    least=0,
    most=1_000_000_00,
    two_people=True,
)
WITHDRAW_FEE_BPS = Setting(
    "withdraw.fee_bps",
    0,
    "微信零钱：提现手续费率",
    "万分比，100 即 1%",
    unit="万分比",
    least=0,
    most=1000,
)
WITHDRAW_FEE_FEN = Setting(
    "withdraw.fee_fen",
    0,
    "微信零钱：每笔固定手续费",
    "与手续费率相加",
    unit="分",
    least=0,
    most=100_00,
)
WITHDRAW_BANK_ON = Setting(
    "withdraw.bank_on",
    False,
    "银行卡：开放提现",
    "由财务按打款批次在网银办理，上传回单；关闭后不能再申请，已提交的照常处理",
)
WITHDRAW_BANK_MIN_FEN = Setting(
    "withdraw.bank_min_fen",
    100_00,
    "银行卡：单笔最低提现金额",
    unit="分",
    least=10,
    most=10_000_00,
)
WITHDRAW_BANK_MAX_FEN = Setting(
    "withdraw.bank_max_fen",
    20_000_00,
    "银行卡：单笔最高提现金额",
    unit="分",
    least=10,
    most=500_000_00,
    two_people=True,
)
WITHDRAW_BANK_FEE_BPS = Setting(
    "withdraw.bank_fee_bps",
    0,
    "银行卡：提现手续费率",
    "万分比，100 即 1%",
    unit="万分比",
    least=0,
    most=1000,
)
WITHDRAW_BANK_FEE_FEN = Setting(
    "withdraw.bank_fee_fen",
    0,
    "银行卡：每笔固定手续费",
    "与手续费率相加",
    unit="分",
    least=0,
    most=100_00,
)
WITHDRAW_BANK_DAY_FEN = Setting(
    "withdraw.bank_day_fen",
    0,
    "银行卡：每人每天提现总额",
    "0 表示只受“每人每天提现总额”限制",
    unit="分",
    least=0,
    most=1_000_000_00,
)
WITHDRAW_ALIPAY_ON = Setting(
    "withdraw.alipay_on",
    False,
    "支付宝：开放提现",
    "由财务按打款批次在支付宝办理，上传回单；关闭后不能再申请，已提交的照常处理",
)
WITHDRAW_ALIPAY_MIN_FEN = Setting(
    "withdraw.alipay_min_fen",
    10_00,
    "支付宝：单笔最低提现金额",
    unit="分",
    least=10,
    most=10_000_00,
)
WITHDRAW_ALIPAY_MAX_FEN = Setting(
    "withdraw.alipay_max_fen",
    20_000_00,
    "支付宝：单笔最高提现金额",
    unit="分",
    least=10,
    most=100_000_00,
    two_people=True,
)
WITHDRAW_ALIPAY_FEE_BPS = Setting(
    "withdraw.alipay_fee_bps",
    0,
    "支付宝：提现手续费率",
    "万分比，100 即 1%",
    unit="万分比",
    least=0,
    most=1000,
)
WITHDRAW_ALIPAY_FEE_FEN = Setting(
    "withdraw.alipay_fee_fen",
    0,
    "支付宝：每笔固定手续费",
    "与手续费率相加",
    unit="分",
    least=0,
    most=100_00,
)
WITHDRAW_ALIPAY_DAY_FEN = Setting(
    "withdraw.alipay_day_fen",
    0,
    "支付宝：每人每天提现总额",
    "0 表示只受“每人每天提现总额”限制",
    unit="分",
    least=0,
    most=1_000_000_00,
)
WITHDRAW_DAY_COUNT = Setting(
    "withdraw.day_count",
    0,
    "每人每天提现次数",
    "被拒绝、撤回和失败的不算；0 表示不限",
    unit="次",
    least=0,
    most=100,
)
WITHDRAW_DAY_FEN = Setting(
    "withdraw.day_fen",
    0,
    "每人每天提现总额",
    "0 表示不限",
    unit="分",
    least=0,
    most=100_000_00,
)
WITHDRAW_MONTH_FEN = Setting(
    "withdraw.month_fen",
    0,
    "每人每月提现总额",
    "0 表示不限",
    unit="分",
    least=0,
    most=10_000_000_00,
)
WITHDRAW_OPEN_DAYS = Setting(
    "withdraw.open_days",
    "",
    "每月开放提现的日期",
    "几号可以申请，用英文逗号分隔，例如 5,15,25；留空表示每天都可以",
    pattern=r"(?:(?:[1-9]|[12]\d|3[01])(?:,(?:[1-9]|[12]\d|3[01])){0,30})?",
)

# Announcement 61 of 2018 and 16 of 2025; see compliance.md. Rates: app/tax/tables.json.
TAX_METHOD = Setting(
    "tax.method",
    "none",
    "个人所得税代扣方式",
    "按月：同一自然月合并为一次（公告2018年第61号）；累计：适用于互联网平台企业（公告2025年第16号）。"
    "两者都要求提现人先填写实名信息；改动只影响之后的提现，请先与会计确认",
    choices=(
        ("none", "不代扣"),
        ("monthly", "按月预扣"),
        ("cumulative", "累计预扣"),
    ),
    two_people=True,
)

# Uploaded under 公众号 > 连接检查; wechat.md, section 12.
WECHAT_VERIFY_TEXT = Setting(
    "wechat.verify_text",
    "",
    "域名验证文件里的文字",
    "MP_verify_ 后面的 16 位；在 公众号 > 连接检查 上传文件即可",
    pattern=r"(?:[0-9A-Za-z]{16})?",
)
CONFIRM_REMINDER_HOURS = Setting(
    "notice.confirm_reminder_hours",
    4,
    "收款过期前提醒",
    "微信只等 24 小时，逾期转账自动取消、金额退回余额",
    unit="小时",
    least=1,
    most=20,
)

REVIEW_DAYS = Setting("review.days", 30, "收货后可以评价的时间", unit="天", least=7, most=180)
REVIEW_CHECKED = Setting(
    "review.checked", True, "评价先审后发", "开启后，买家的评价和追评审核通过才会公开"
)

# security_checklist.md, lines 25 and 26.
SECOND_FACTOR = Setting(
    "admin.second_factor",
    "auto",
    "后台两步验证",
    "要求使用两步验证的角色，开启前只能打开“账号与安全”",
    choices=(
        ("auto", "正式环境中，店主和财务"),
        ("trusted", "店主和财务"),
        ("all", "所有角色"),
        ("none", "不要求"),
    ),
    two_people=True,
)

API_PER_MINUTE = Setting(
    "api.per_minute",
    300,
    "开放接口的调用上限",
    "每个密钥每分钟可以调用的次数，超出的请求会被要求稍后再试",
    unit="次",
    least=10,
    most=6000,
)

EXPORT_KEEP_DAYS = Setting(
    "admin.export_keep_days",
    7,
    "导出文件保留",
    "后台生成的导出文件过期后自动删除，需要时重新导出",
    unit="天",
    least=1,
    most=30,
)

ALL: dict[str, Setting[int] | Setting[str] | Setting[bool]] = {
    item.key: item for item in list(globals().values()) if isinstance(item, Setting)
}
