"""When commissions settle, and how long a buyer may give back (结算、售后)."""

from app.settings.registry.setting import Setting

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
