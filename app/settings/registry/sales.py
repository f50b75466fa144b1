"""The shop, its orders and its goods (店铺、订单、商品)."""

from app.settings.registry.setting import Setting

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
