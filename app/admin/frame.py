"""What stands around every page: the left bar, its counts, the top bar."""

from datetime import timedelta
from typing import Any

from flask import g, request, url_for

from app import aftersales, catalog, reports, settings, withdrawals
from app.admin import auth, words
from app.admin.blueprint import bp
from app.admin.models import Permission, Role
from app.admin.tables import masks
from app.audit import runs
from app.core import brief, clock, web
from app.distribution import channels, levels
from app.distribution.joining import ways
from app.integrations import hooks
from app.reports import subscriptions

# Label, icon, items: label, endpoint, permission, key of its badge, also lit by.
_GROUPS: tuple[
    tuple[str, str, tuple[tuple[str, str, Permission, str, tuple[str, ...]], ...]], ...
] = (
    (
        "概览",
        "speedometer2",
        (
            ("概览", "dashboard", Permission.DASHBOARD, "", ()),
            ("报表", "reports", Permission.REPORT_VIEW, "", ("report", "target*")),
            (
                "定期报表",
                "report_subscriptions",
                Permission.REPORT_VIEW,
                "",
                ("report_subscription*", "report_delivery*"),
            ),
            ("我的报表", "report_inbox", Permission.REPORT_VIEW, "reports_unread", ()),
        ),
    ),
    (
        "订单",
        "receipt",
        (
            ("全部订单", "orders", Permission.ORDER_VIEW, "to_ship", ("order*",)),
            ("到店自提", "pickups", Permission.ORDER_VIEW, "", ("pickup*",)),
            (
                "售后",
                "aftersales",
                Permission.AFTERSALE_VIEW,
                "aftersales",
                ("aftersale*", "refund*"),
            ),
            ("发票", "invoices", Permission.ORDER_VIEW, "", ("invoice*",)),
            ("支付异常", "oddities", Permission.LEDGER_VIEW, "oddities", ("oddit*",)),
        ),
    ),
    (
        "商品",
        "box-seam",
        (
            ("商品管理", "products", Permission.PRODUCT_VIEW, "low_stock", ("product*",)),
            ("商品评价", "reviews", Permission.PRODUCT_VIEW, "reviews", ("review*",)),
            ("商品分类", "categories", Permission.PRODUCT_VIEW, "", ("categor*",)),
            ("运费模板", "freights", Permission.PRODUCT_VIEW, "", ("freight*",)),
            ("库存流水", "stock_moves", Permission.PRODUCT_VIEW, "", ("stock_moves",)),
            ("库存导入", "stock_import", Permission.STOCK_CHANGE, "", ("stock_import*",)),
        ),
    ),
    (
        "会员与分销",
        "diagram-3",
        (
            ("会员", "members", Permission.MEMBER_VIEW, "", ("member", "member_*")),
            (
                "分销员",
                "distributors",
                Permission.DISTRIBUTOR_VIEW,
                "applications",
                ("distributor*",),
            ),
            ("归属树", "referral_tree", Permission.DISTRIBUTOR_VIEW, "", ("referral_tree*",)),
            ("风险核实", "risks", Permission.DISTRIBUTOR_VIEW, "risks", ("risk*",)),
            ("申请表", "join_form", Permission.DISTRIBUTOR_VIEW, "", ("join_form*",)),
            ("合作约定", "join_contract", Permission.DISTRIBUTOR_VIEW, "", ("join_contract*",)),
            ("归属记录", "bindings", Permission.DISTRIBUTOR_VIEW, "", ("binding*",)),
            ("归属申诉", "appeals_list", Permission.DISTRIBUTOR_VIEW, "appeals", ("appeal*",)),
            ("分销等级", "levels", Permission.DISTRIBUTOR_VIEW, "", ("level*",)),
            ("推广海报", "posters", Permission.POSTER_VIEW, "", ("poster*",)),
        ),
    ),
    (
        "佣金",
        "percent",
        (
            ("佣金明细", "commissions", Permission.COMMISSION_VIEW, "", ("commission*",)),
            ("佣金方案", "plans", Permission.COMMISSION_VIEW, "", ("plan*",)),
            ("返利方案", "bonuses", Permission.COMMISSION_VIEW, "", ("bonus_plan*",)),
            (
                "返利核算",
                "bonus_runs",
                Permission.COMMISSION_VIEW,
                "bonuses",
                ("bonus_run*", "bonus_result*"),
            ),
        ),
    ),
    (
        "提现与账务",
        "wallet2",
        (
            (
                "提现审核",
                "withdrawals_list",
                Permission.WITHDRAWAL_VIEW,
                "withdrawals",
                ("withdrawal*",),
            ),
            (
                "线下打款",
                "payout_batches",
                Permission.WITHDRAWAL_VIEW,
                "by_hand",
                ("payout_batch*", "payout_line*"),
            ),
            ("个税代扣", "taxes", Permission.TAX_VIEW, "", ("tax*",)),
            ("待追回", "debts", Permission.LEDGER_VIEW, "", ("debt*",)),
            ("总账", "ledger", Permission.LEDGER_VIEW, "", ("posting",)),
            (
                "微信对账",
                "reconciliation_list",
                Permission.LEDGER_VIEW,
                "breaks",
                ("reconciliation*",),
            ),
            ("账目核对", "ledger_verify", Permission.LEDGER_VIEW, "", ("ledger_verify*",)),
        ),
    ),
    (
        "内容",
        "house-door",
        (
            ("首页装修", "home", Permission.HOME_VIEW, "", ("home*",)),
            ("推广素材", "materials", Permission.MATERIAL_VIEW, "", ("material*",)),
            ("培训文章", "articles", Permission.MATERIAL_VIEW, "", ("article*",)),
        ),
    ),
    (
        "公众号",
        "wechat",
        (
            ("连接检查", "connection", Permission.WECHAT_CHECK, "", ("connection*",)),
            ("菜单", "menus", Permission.MENU_VIEW, "", ("menu*",)),
            ("自动回复", "replies", Permission.REPLY_VIEW, "", ("repl*",)),
            ("渠道码", "channels", Permission.CHANNEL_VIEW, "", ("channel*",)),
            ("扫码记录", "scans", Permission.CHANNEL_VIEW, "", ()),
            ("消息通知", "notices", Permission.NOTICE_VIEW, "", ("notice*",)),
        ),
    ),
    (
        "设置",
        "gear",
        (
            ("业务设置", "settings_list", Permission.SETTINGS_VIEW, "", ("setting*",)),
            ("合规", "compliance", Permission.SETTINGS_VIEW, "", ()),
            ("定时任务", "jobs", Permission.JOB_VIEW, "jobs", ("job*",)),
            ("开放接口", "api_keys", Permission.API_VIEW, "", ("api_key*",)),
            ("事件推送", "hooks", Permission.API_VIEW, "", ("hook*",)),
            ("管理员", "admins", Permission.ADMIN_VIEW, "", ("admin", "admin_*")),
            ("操作日志", "audit_log", Permission.AUDIT_VIEW, "", ()),
            ("系统信息", "system", Permission.JOB_VIEW, "", ()),
        ),
    ),
)


@bp.context_processor
def _everywhere() -> dict[str, Any]:
    shared = {
        "words": words,
        "allowed": auth.allowed,
        "Permission": Permission,
        "mask_name": masks.mask_name,
        "mask_key": masks.mask_key,
        "small_picture": small_picture,
        "level_name": level_name,
        "here": request.full_path.rstrip("?"),
    }
    if g.get("server_failed"):
        # The frame's own queries may fail as well.
        return {**shared, "admin_user": None}
    shared["mall_name"] = settings.value(settings.registry.SHOP_NAME)
    if g.get("admin") is None or g.get("bare_page"):
        return {**shared, "admin_user": None}
    queues = reports.queues(clock.now())
    return {
        **shared,
        "admin_user": {
            "id": g.admin.id,
            "name": g.admin.name,
            "role": words.desk.ROLE[g.admin.role],
            "is_owner": g.admin.role is Role.OWNER,
        },
        "queues": queues,
        "nav": _nav(_badges(queues)),
        "standing_warnings": _warnings(),
        "admin_menu": [
            *(
                [{"label": "我的导出", "endpoint": "admin.exports_list"}]
                if auth.allowed(Permission.LIST_EXPORT)
                else []
            ),
            {"label": "账号与安全", "endpoint": "admin.own_account"},
        ],
        "logout_url": url_for("admin.logout"),
        "search_url": url_for("admin.search"),
    }


def level_name(code: str) -> str:
    """A level by its code; a dash for who has none."""
    if "level_names" not in g:
        g.level_names = levels.names()
    return str(g.level_names.get(code, code)) or "—"


def small_picture(path: str) -> str:
    """Where the smaller version of a product's picture is."""
    return url_for("mall.media", path=catalog.media.small_of(path))


def _warnings() -> list[dict[str, str]]:
    """What must stay in sight on every page."""
    warnings = []
    if web.settings().uses_sandbox:
        warnings.append({"text": "微信与微信支付都指向沙箱：这里没有真实的钱", "tone": "go"})
    if web.settings().distribution_hard_cap > 2:
        warnings.append({"text": "服务器开启了三级分佣，请确认已取得法律意见", "tone": "wait"})
    if levels.allows_team():
        text = "服务器开启了按团队业绩或人数的条件，存在合规风险，请确认已取得法律意见"
        warnings.append({"text": text, "tone": "wait"})
    if ways.allows_paid():
        text = "服务器开启了以购买或消费作为加入分销的条件，存在合规风险，请确认已取得法律意见"
        warnings.append({"text": text, "tone": "wait"})
    if withdrawals.locks.current() is not None:
        warnings.append(
            {
                "text": "打款已锁定：账目没有对平，查明并由两位管理员解锁之前不会发出提现打款",
                "tone": "bad",
                "url": url_for(".reconciliation_list"),
                "link": "微信对账",
            }
        )
    latest = runs.latest_runs()
    checked = latest.get("verify-books")
    if checked is not None and checked.status is runs.RunStatus.FAILED:
        warnings.append(
            {
                "text": "最近一次账目校验没有通过，请先查明原因再审核提现",
                "tone": "bad",
                "url": url_for(".ledger_verify"),
                "link": "账目核对",
            }
        )
    sealed = latest.get("verify-audit")
    if sealed is not None and sealed.status is runs.RunStatus.FAILED:
        warnings.append(
            {
                "text": "操作日志核对没有通过：有记录被删除或改动，请保留现场并查明原因",
                "tone": "bad",
                "url": url_for(".audit_log"),
                "link": "操作日志",
            }
        )
    if auth.allowed(Permission.AFTERSALE_VIEW):
        warnings += words.aftersales.warnings(aftersales.trouble())
    if auth.allowed(Permission.API_VIEW) and (gone := _dead_hooks()):
        warnings.append(
            {
                "text": f"{gone} 个事件推送地址连续多天失败，已自动停用，对方系统收不到通知",
                "tone": "bad",
                "url": url_for(".hooks"),
                "link": "事件推送",
            }
        )
    if auth.allowed(Permission.CHANNEL_VIEW):
        ration = channels.ration()
        if ration.is_short:
            warnings.append(
                {
                    "text": words.account.ration_warning(ration),
                    "tone": "bad" if ration.is_used_up else "wait",
                    "url": url_for(".channels"),
                    "link": "渠道码",
                }
            )
    return warnings


def _dead_hooks() -> int:
    # On every page, and forgotten with each entry of the audit.
    return brief.current().get("dead_hooks", hooks.disabled_count, times=5)


def _badges(queues: list[reports.Queue]) -> dict[str, int]:
    counts = {queue.key: queue.count for queue in queues}
    # Both wait on the same page, on two of its tabs.
    counts["withdrawals"] += counts["payouts"]
    counts["reports_unread"] = subscriptions.unread_count(g.admin.id)
    counts["by_hand"] = sum(count for count, _ in withdrawals.batches.waiting().values())
    return counts


def _nav(badges: dict[str, int]) -> list[dict[str, Any]]:
    groups = []
    for label, icon, items in _GROUPS:
        shown = [
            {
                "label": text,
                "endpoint": f"admin.{endpoint}",
                "badge": badges.get(badge, 0),
                "match": [f"admin.{pattern}" for pattern in match],
            }
            for text, endpoint, permission, badge, match in items
            if auth.allowed(permission)
        ]
        if shown:
            groups.append({"label": label, "icon": icon, "items": shown})
    return groups


@bp.app_template_filter("age")
def age(span: timedelta) -> str:
    """How long something waits, in the largest whole unit."""
    minutes = int(span.total_seconds()) // 60
    if minutes < 60:
        return f"{max(minutes, 1)} 分钟"
    if minutes < 48 * 60:
        return f"{minutes // 60} 小时"
    return f"{minutes // 1440} 天"
