"""Who becomes a distributor, whose customer somebody is, and what looks odd (分销、归属、风险)."""

from app.settings.registry.setting import Setting

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
