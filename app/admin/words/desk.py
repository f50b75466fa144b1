"""Words for roles, jobs and exports (后台本身)."""

from collections.abc import Mapping

from app.admin.models import Role
from app.admin.words.base import Word
from app.audit.runs import RunStatus, Trouble
from app.reports.exports import ExportState

RUN: Mapping[str, Word] = {
    RunStatus.REQUESTED: ("等待执行", "wait"),
    RunStatus.RUNNING: ("执行中", "go"),
    RunStatus.DONE: ("完成", "good"),
    RunStatus.FAILED: ("失败", "bad"),
}
# What is wrong with a job, and what helps.
JOB_TROUBLE: Mapping[Trouble, tuple[str, str]] = {
    Trouble.STANDSTILL: (
        "定时任务没有在运行",
        "付款补查、结算、打款和通知都会停住。请启动任务进程：flask --app wsgi scheduler run",
    ),
    Trouble.FAILED: ("最近一次执行失败", "下一次会再试；连续失败请查看下面的执行记录和日志"),
    Trouble.LATE: ("没有按时执行", "任务进程可能很忙或刚刚停过；可以点“立即运行”"),
    Trouble.STUCK: ("一直没有执行完", "执行它的进程多半已经中断；再次执行是安全的，不会重复入账"),
}
# What the figures of a run are called; `job.figure` where one means something of its own
# with that job. The suite fails on a figure without a word.
RESULT: Mapping[str, str] = {
    "done": "已生成",
    "stopped": "已取消",
    "exports": "过期的导出",
    "sealed": "已封存",
    "first_broken": "第一条异常记录",
    "due": "应处理",
    "waiting": "待投递",
    "delivered": "已投递",
    "orders": "完成订单",
    "rows": "结算佣金笔数",
    "members": "涉及分销员",
    "amount_fen": "金额",
    "paid": "已付款",
    "known": "已入账",
    "notpay": "未付款",
    "unclear": "结果不明",
    "refused": "信息不符",
    "refund_due": "应退回",
    "closed": "已关闭",
    "not_open": "无需关闭",
    "received": "已收货",
    "renewed": "已续期",
    "taken": "已被处理",
    "paused": "暂停",
    "merchant_short": "商户余额不足",
    "failed": "失败",
    "removed": "已清理",
    "tagged": "已打标签",
    "untagged": "已去标签",
    "skipped": "已跳过",
    "lowered": "未达标降级",
    "kept": "达标保级",
    "not_due": "无需考核",
    "broken": "不成立",
    "computed": "新核算",
    "recomputed": "重新核算",
    "corrected": "退款后更正",
    "blocked": "服务器未开启，暂停核算",
    "WAIT_USER_CONFIRM": "待收款人确认",
    "SUCCESS": "已到账",
    "FAIL": "打款失败",
    "CANCELLED": "已撤销",
    "CANCELING": "撤销中",
    "PROCESSING": "处理中",
    "ACCEPTED": "已受理",
    "TRANSFERING": "转账中",
    "CREATED": "待发送",
    "ABNORMAL": "退款异常",
    "CLOSED": "微信已关闭",
    "MANUAL": "人工处理",
    "locked": "因打款锁定而等待",
    "reminded": "已提醒",
    "told": "已发周报",
    "came": "补记关注",
    "left": "补记取消关注",
    "ended": "已关闭",
    "sent": "买家已寄回",
    "days": "计算天数",
    "again": "其中重算",
    "entries": "累计分录",
    "planned": "本次应发",
    "given_up": "多次失败后放弃",
    "too_little": "数据太少",
    "forecast.kept": "已预测",
    "agrees": "已对平",
    "breaks": "有差异",
    "not_ready": "账单未出",
    "reconcile.refused": "账单不完整",
    "send-reports.refused": "收件人已无权查看",
    "created": "等待微信答复",
    "active": "已开通",
    "query-grants.waiting": "待本人确认",
    "week": "周榜人数",
    "month": "月榜人数",
    "visits": "过期访问记录",
    "pictures": "无用图片",
    "traces": "过期风险线索",
    "api_writes": "过期接口请求",
    "hooks": "过期推送记录",
    "reports": "过期报表",
    "scenes": "过期商品码",
    "imports": "过期导入",
    "identities": "到期实名信息",
    "posters": "过期海报",
}


def figure(job: str, name: str) -> str:
    """What a figure of a job's run is called; the codes of invariants are their own names."""
    return RESULT.get(f"{job}.{name}") or RESULT.get(name, name)


ROLE: Mapping[str, str] = {
    Role.OWNER: "店主",
    Role.OPERATIONS: "运营",
    Role.FINANCE: "财务",
    Role.SUPPORT: "客服",
    Role.AUDITOR: "审计",
}
# What a file shows in full.
PERSONAL: Mapping[str, str] = {
    "name": "姓名",
    "phone": "手机",
    "address": "地址",
    "account": "收款账号",
    "openid": "openid",
}
EXPORT: Mapping[str, Word] = {
    ExportState.QUEUED: ("排队中", "go"),
    ExportState.RUNNING: ("生成中", "go"),
    ExportState.DONE: ("已完成", "good"),
    ExportState.FAILED: ("失败", "bad"),
    ExportState.CANCELLED: ("已取消", "off"),
    ExportState.EXPIRED: ("已过期", "off"),
}
