"""The official account, notices, reviews, the panel and the interface (公众号、评价、后台)."""

from app.settings.registry.setting import Setting

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
