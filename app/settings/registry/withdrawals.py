"""How much may leave, in which ways, and what tax is withheld (提现、个税)."""

from app.settings.registry.setting import Setting

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
