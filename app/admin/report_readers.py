"""Which reports an admin may see, at the desk and by mail."""

from app.admin.models import ROLE_PERMISSIONS, Admin, Permission, Role
from app.core.db import db
from app.reports import subscriptions
from app.reports.boards import REPORTS
from app.reports.subscriptions import Content, Recipient

# Who may see a part of the shop may see its report.
TOPICS = {
    "orders": Permission.ORDER_VIEW,
    "products": Permission.PRODUCT_VIEW,
    "members": Permission.MEMBER_VIEW,
    "distributors": Permission.DISTRIBUTOR_VIEW,
    "commissions": Permission.COMMISSION_VIEW,
    "withdrawals": Permission.WITHDRAWAL_VIEW,
    "channels": Permission.CHANNEL_VIEW,
}


def refusal(role: Role, report: str, content: Content) -> str:
    """Why this role may not get a report in this form; empty where it may."""
    found, has = REPORTS.get(report), ROLE_PERMISSIONS[role]
    if found is None:
        return "没有这张报表"
    if Permission.REPORT_VIEW not in has or TOPICS[found.topic] not in has:
        return "没有查看这张报表的权限"
    if content is not Content.SUMMARY and Permission.LIST_EXPORT not in has:
        return "没有导出表格的权限"
    return ""


def reader(admin_id: int, report: str, content: Content) -> Recipient:
    """An admin as a reader of a report, by the role of this moment."""
    found = db.session.get(Admin, admin_id, populate_existing=True)
    if found is None:
        return Recipient(admin_id, "未知账号", "", None, "账号不存在")
    said = refusal(found.role, report, content) if found.is_active else "账号已停用"
    return Recipient(found.id, found.name, found.email or "", found.member_id, said)


subscriptions.configure(reader)
