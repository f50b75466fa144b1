"""The panel's words for what the domains store (措辞), each in one place."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from app.admin import level_words as levels
from app.admin.models import Role
from app.audit.runs import RunStatus, Trouble
from app.catalog import ProductKind, ProductStatus, RowRule
from app.commission import CommissionStatus
from app.commission.bonus import ResultState
from app.content import Kind
from app.core.money import format_yuan
from app.distribution import AttemptResult, BindingSource, DistributorStatus
from app.distribution.channels import ChannelKind, Outcome, Ration, ScanSource
from app.distribution.joining.form import FieldKind
from app.distribution.models import AppealStatus
from app.ledger import AccountKind
from app.members import MemberStatus
from app.orders import InvoiceStatus, OddityKind, OrderStatus, PaymentKind, PaymentStatus
from app.reconciliation import BillKind, BreakKind, DayState
from app.reports.exports import ExportState
from app.reviews import ReviewStatus
from app.risk import RiskKind, RiskState
from app.settings.registry import ALL
from app.wechat import doctor
from app.wechat.replies import ReplyType, RuleKind
from app.withdrawals import BillState, Channel, GrantStatus, LineState, LockCause, WithdrawalStatus
from app.withdrawals.channels import NAME as WAYS

# Word and tone: "wait" somebody must act, "go" on its way, "good" done, "off"
# over, "bad" look at it now.
Word = tuple[str, str]

ORDER: Mapping[str, Word] = {
    OrderStatus.UNPAID: ("待付款", "wait"),
    OrderStatus.CLOSING: ("关闭中", "off"),
    OrderStatus.CLOSED: ("已关闭", "off"),
    OrderStatus.PAID: ("待发货", "wait"),
    OrderStatus.SHIPPED: ("待收货", "go"),
    OrderStatus.RECEIVED: ("已收货", "good"),
    OrderStatus.FINISHED: ("已完成", "good"),
    OrderStatus.REFUNDED: ("已退款", "off"),
}
REVIEW: Mapping[str, Word] = {
    ReviewStatus.WAITING: ("待审核", "wait"),
    ReviewStatus.SHOWN: ("已展示", "good"),
    ReviewStatus.HIDDEN: ("已隐藏", "off"),
}
INVOICE: Mapping[str, Word] = {
    InvoiceStatus.REQUESTED: ("待开票", "wait"),
    InvoiceStatus.ISSUED: ("已开票", "good"),
    InvoiceStatus.REFUSED: ("已退回", "off"),
}
RUN: Mapping[str, Word] = {
    RunStatus.REQUESTED: ("等待执行", "wait"),
    RunStatus.RUNNING: ("执行中", "go"),
    RunStatus.DONE: ("完成", "good"),
    RunStatus.FAILED: ("失败", "bad"),
}
# What the figures of a run are called.
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
}
PRODUCT: Mapping[str, Word] = {
    ProductStatus.DRAFT: ("草稿", "off"),
    ProductStatus.ON: ("已上架", "good"),
    ProductStatus.OFF: ("已下架", "off"),
}
PRODUCT_KIND: Mapping[str, str] = {
    ProductKind.PHYSICAL: "实物商品",
    ProductKind.VIRTUAL: "虚拟商品",
}
HOME_KIND: Mapping[str, tuple[str, str, str]] = {
    # Its name, its icon, what it is for.
    Kind.BANNER: ("轮播图", "image", "几张大图轮流展示，最多 8 张"),
    Kind.NOTICE: ("公告", "megaphone", "一行文字，几条轮流显示"),
    Kind.CATEGORIES: ("分类导航", "grid", "圆形图标，点进分类页"),
    Kind.PRODUCTS: ("商品橱窗", "bag", "手工选品，或按新品、销量、分类、标签自动更新"),
    Kind.PICTURES: ("图片橱窗", "images", "每行 1 到 4 张图片"),
}
HOME_RULE: Mapping[str, tuple[str, str]] = {
    RowRule.HAND: ("手工选品", "按选择的顺序展示，下架的自动不显示"),
    RowRule.NEW: ("最新上架", "新上架的有货商品在前"),
    RowRule.SOLD: ("销量最高", "卖得最多的有货商品在前"),
    RowRule.CATEGORY: ("按分类", "这个分类和下级分类里有货的商品"),
    RowRule.TAG: ("按标签", "带有这个标签的有货商品"),
}
FIELD_KIND: Mapping[str, str] = {
    FieldKind.TEXT: "文字",
    FieldKind.CHOICE: "单选",
    FieldKind.PHONE: "手机号",
    FieldKind.NUMBER: "数字",
    FieldKind.DATE: "日期",
    FieldKind.BIRTH: "生日",
}
REJECT_REASONS = (
    "资料不完整，请补充后重新申请",
    "推广方式说明不清，请写明打算在哪里、怎样推广",
    "年龄或身份信息与要求不符",
    "与已有分销员重复",
)
REJECT_CHOICES = [("", "自己填写"), *((reason, reason) for reason in REJECT_REASONS)]
DISTRIBUTOR: Mapping[str, Word] = {
    DistributorStatus.INVITED: ("已邀请", "wait"),
    DistributorStatus.APPLIED: ("待审核", "wait"),
    DistributorStatus.APPROVED: ("正常", "good"),
    DistributorStatus.REJECTED: ("已拒绝", "off"),
    DistributorStatus.SUSPENDED: ("已暂停", "bad"),
    DistributorStatus.CLOSED: ("已关闭", "off"),
}
COMMISSION: Mapping[str, Word] = {
    CommissionStatus.PENDING: ("待结算", "wait"),
    CommissionStatus.HELD: ("售后冻结", "go"),
    CommissionStatus.SETTLED: ("已结算", "good"),
    CommissionStatus.VOID: ("已取消", "off"),
    CommissionStatus.CLAWED: ("已追回", "bad"),
}
WITHDRAWAL: Mapping[str, Word] = {
    WithdrawalStatus.SUBMITTED: ("待审核", "wait"),
    WithdrawalStatus.CANCELLED: ("已撤回", "off"),
    WithdrawalStatus.REJECTED: ("已拒绝", "off"),
    WithdrawalStatus.APPROVED: ("待打款", "go"),
    WithdrawalStatus.SENDING: ("打款中", "go"),
    WithdrawalStatus.UNKNOWN: ("结果未明", "bad"),
    WithdrawalStatus.WAIT_CONFIRM: ("待收款人确认", "wait"),
    WithdrawalStatus.CANCELLING: ("撤销中", "go"),
    WithdrawalStatus.PAID: ("已到账", "good"),
    WithdrawalStatus.FAILED: ("打款失败", "bad"),
    WithdrawalStatus.RETURNED: ("已退票", "bad"),
}
CHANNEL: Mapping[Channel, str] = WAYS
PAYOUT_LINE: Mapping[str, Word] = {
    LineState.WAITING: ("待登记", "wait"),
    LineState.PAID: ("已打款", "good"),
    LineState.FAILED: ("打款失败", "bad"),
    LineState.RETURNED: ("已退票", "bad"),
    LineState.REMOVED: ("已移出", "off"),
}
BILL: Mapping[str, Word] = {
    BillState.CREATED: ("已建单，等待微信答复", "go"),
    BillState.ACCEPTED: ("微信已受理", "go"),
    BillState.PROCESSING: ("处理中", "go"),
    BillState.WAIT_USER_CONFIRM: ("待收款人确认", "wait"),
    BillState.TRANSFERING: ("转账中", "go"),
    BillState.SUCCESS: ("转账成功", "good"),
    BillState.FAIL: ("转账失败", "bad"),
    BillState.CANCELING: ("撤销中", "go"),
    BillState.CANCELLED: ("已撤销", "off"),
}
TRANSFER_GRANT: Mapping[str, Word] = {
    GrantStatus.CREATED: ("等待微信答复", "go"),
    GrantStatus.WAITING: ("等待本人确认", "wait"),
    GrantStatus.ACTIVE: ("已开通", "good"),
    GrantStatus.CLOSED: ("已关闭", "off"),
}
# WeChat's reasons (merchant document 4014399423); others are codes with which it refused.
GRANT_CLOSED: Mapping[str, str] = {
    "CLOSE_VIA_MCH_API": "本人在商城关闭",
    "USER_CLOSE": "本人在微信关闭",
    "USER_OVERDUE_UNCONFIRMED": "24 小时未确认",
    "TRANSFER_RISK": "微信判定有风险",
    "USER_ACCOUNT_ABNORMAL": "收款账户异常",
}
PAYMENT_KIND: Mapping[str, str] = {
    PaymentKind.WECHAT: "微信支付",
    PaymentKind.BALANCE: "余额支付",
}
PAYMENT: Mapping[str, Word] = {
    PaymentStatus.CREATED: ("未付款", "wait"),
    PaymentStatus.SUCCESS: ("已付款", "good"),
    PaymentStatus.CLOSED: ("已关闭", "off"),
}
MEMBER: Mapping[str, Word] = {
    MemberStatus.ACTIVE: ("正常", "good"),
    MemberStatus.BLOCKED: ("已限制", "bad"),
}
ATTEMPT: Mapping[str, Word] = {
    AttemptResult.BOUND: ("已绑定", "good"),
    AttemptResult.REBOUND: ("已换绑", "good"),
    AttemptResult.REMEMBERED: ("已记住，下单时绑定", "wait"),
    AttemptResult.MOVED: ("管理员调整", "go"),
    AttemptResult.RELEASED: ("管理员解除", "go"),
    AttemptResult.ALREADY_BOUND: ("已有上级，保持不变", "off"),
    AttemptResult.PROTECTED: ("保护期内，保持不变", "off"),
    AttemptResult.DISTRIBUTOR_STAYS: ("分销员不换绑", "off"),
    AttemptResult.BOUGHT_BEFORE: ("已购买过，不再绑定", "off"),
    AttemptResult.ONLY_BY_SCAN: ("只在扫码时绑定", "off"),
    AttemptResult.UNKNOWN_CODE: ("推广码不存在", "off"),
    AttemptResult.OWN_CODE: ("自己的推广码", "off"),
    AttemptResult.OWNER_INACTIVE: ("对方不是有效分销员", "off"),
    AttemptResult.OWN_DOWNLINE: ("对方是自己的下级", "bad"),
    AttemptResult.CRAWLER: ("爬虫或预览，不绑定", "off"),
}
SOURCE: Mapping[str, str] = {
    BindingSource.SCAN: "扫码",
    BindingSource.LINK: "链接",
    BindingSource.ORDER: "下单",
    BindingSource.ADMIN: "后台",
}
APPEAL: Mapping[str, Word] = {
    AppealStatus.OPEN: ("待处理", "wait"),
    AppealStatus.ACCEPTED: ("已调整", "good"),
    AppealStatus.REFUSED: ("未调整", "off"),
}
CONSENT: Mapping[str, str] = {
    "distributor_contract": "分销员合作约定",
    "privacy": "隐私政策",
    "identity": "实名信息授权",
}
RISK: Mapping[str, Word] = {
    RiskState.OPEN: ("待核实", "bad"),
    RiskState.CLEARED: ("已排除", "off"),
    RiskState.CONFIRMED: ("已确认违规", "bad"),
}
RISK_KIND: Mapping[str, str] = {
    RiskKind.SELF_REFERRAL: "疑似小号自购",
    RiskKind.BURST: "短时间大量绑定",
    RiskKind.RING: "疑似互相购买",
}
CHANNEL_KIND: Mapping[str, str] = {
    ChannelKind.CAMPAIGN: "活动",
    ChannelKind.SHOP: "门店",
}
SCAN_SOURCE: Mapping[str, str] = {
    ScanSource.FOLLOW: "扫码关注",
    ScanSource.SCAN: "已关注扫码",
    ScanSource.LINK: "打开链接",
}
# What came of a scan: an outcome of its own, or what the attempt to bind says.
SCAN: Mapping[str, Word] = {
    **ATTEMPT,
    "already_bound": ("已有其他上级，保持不变", "off"),
    "bound_same": ("早已绑定同一上级", "off"),
    "own_code": ("自己的码，不计入", "off"),
    "unknown_code": ("码不存在", "off"),
    Outcome.COUNTED: ("已计入渠道", "go"),
    Outcome.STOPPED: ("渠道已停用", "off"),
    Outcome.SNAPSHOT: ("微信快照页访客，不绑定", "off"),
}
REPLY_KIND: Mapping[str, str] = {
    RuleKind.EXACT: "完全一致",
    RuleKind.CONTAINS: "包含关键词",
    RuleKind.DEFAULT: "默认回复",
    RuleKind.FOLLOW: "被关注",
    RuleKind.FOLLOW_BY_CODE: "扫推广码",
}
REPLY_TYPE: Mapping[str, str] = {
    ReplyType.TEXT: "文字",
    ReplyType.NEWS: "图文",
    ReplyType.SERVICE: "转人工客服",
    ReplyType.NONE: "不回复",
}
# What happened before a reply, where it is no keyword.
REPLY_BEFORE: Mapping[str, str] = {
    RuleKind.EXACT: "",
    RuleKind.CONTAINS: "",
    RuleKind.DEFAULT: "收到没有规则适用的消息",
    RuleKind.FOLLOW: "有人关注了公众号",
    RuleKind.FOLLOW_BY_CODE: "有人扫了推广码",
}
ROLE: Mapping[str, str] = {
    Role.OWNER: "店主",
    Role.OPERATIONS: "运营",
    Role.FINANCE: "财务",
    Role.SUPPORT: "客服",
    Role.AUDITOR: "审计",
}
ACCOUNT: Mapping[str, str] = {
    AccountKind.WORLD_WX: "微信支付（外部）",
    AccountKind.WORLD_BANK: "银行与支付宝（外部）",
    AccountKind.ORDER_HOLD: "订单待结转",
    AccountKind.SHOP: "店铺收入",
    AccountKind.REFUND_DUE: "应退买家",
    AccountKind.TAX_PAYABLE: "应缴个税",
    AccountKind.VAT_PAYABLE: "应缴增值税",
    AccountKind.POINTS_ISSUED: "积分发行",
    AccountKind.PENDING: "待结算佣金",
    AccountKind.AVAILABLE: "可提现余额",
    AccountKind.FROZEN: "提现冻结",
    AccountKind.DEBT: "待追回",
    AccountKind.POINTS: "积分",
}
EVENT: Mapping[str, str] = {
    "order_paid": "订单收款",
    "order_finished": "订单完成结转",
    "commission_accrued": "佣金入账（待结算）",
    "commission_settled": "佣金结算",
    "commission_reversed": "退款冲回佣金",
    "refund_approved": "同意退款",
    "refund_succeeded": "退款到账",
    "refund_closed": "退款关闭，退回原处",
    "bonus": "发放返利",
    "debt_written_off": "核销待追回",
    "tax_remitted": "代扣个税缴库",
    "tax_remittance_reversed": "冲正个税缴款",
    "bonus_reversed": "退款后追回返利",
    "withdrawal_requested": "申请提现冻结",
    "withdrawal_released": "提现退回余额",
    "withdrawal_paid": "提现到账",
    "withdrawal_returned": "提现退票退回",
    OddityKind.PAID_LATE: "关单后收款",
    OddityKind.PAID_TWICE: "重复收款",
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
CHECK: Mapping[doctor.Outcome, str] = {
    doctor.Outcome.OK: "通过",
    doctor.Outcome.WARNING: "留意",
    doctor.Outcome.FAILED: "没有通过",
    doctor.Outcome.SKIPPED: "未检查",
}

ACTION: Mapping[str, str] = {
    "tax.identify": "登记实名信息",
    "tax.reveal": "查看完整实名信息",
    "tax.forget": "删除实名信息",
    "tax.export": "导出涉税信息",
    "tax.certificate": "下载代扣税款凭证",
    "api_key.create": "创建接口密钥",
    "hook.create": "登记推送地址",
    "hook.stop": "停用推送地址",
    "hook.start": "重新启用推送地址",
    "hook.rotate": "更换推送签名密钥",
    "hook.send_again": "再次推送",
    "hook.disable": "推送地址自动停用",
    "api_key.end": "停用接口密钥",
    "api_key.personal": "通过接口读取完整个人信息",
    "admin.create": "创建管理员",
    "admin.member": "登记管理员的会员身份",
    "admin.set_up": "设置登录密码",
    "admin.log_in": "登录",
    "admin.password": "修改登录密码",
    "admin.role": "修改管理员角色",
    "admin.active": "停用或恢复管理员",
    "admin.link": "生成设置密码链接",
    "admin.unlock": "解除登录锁定",
    "admin.sessions_end": "退出管理员的登录",
    "admin.totp_on": "开启两步验证",
    "admin.totp_off": "关闭两步验证",
    "admin.totp_reset": "重置两步验证",
    "admin.recovery_codes": "更换恢复码",
    "admin.recovery_used": "使用恢复码",
    "audit.export": "导出操作日志",
    "list.columns": "选择列表的列",
    "list.save_view": "保存列表视图",
    "list.delete_view": "删除列表视图",
    "list.open_with": "设置默认视图",
    "list.export": "导出列表",
    "report.target": "设定业绩目标",
    "report.subscribe": "订阅定期报表",
    "report.subscription_change": "修改定期报表",
    "report.subscription_pause": "暂停定期报表",
    "report.subscription_resume": "恢复定期报表",
    "report.subscription_delete": "删除定期报表",
    "report.send_now": "立即发送定期报表",
    "report.send_again": "再次发送定期报表",
    "admin.email": "登记或取消邮箱",
    "list.export_made": "生成导出文件",
    "list.export_cancel": "取消导出",
    "list.download": "下载导出文件",
    "order.ship": "订单发货",
    "order.ready": "自提备货完成",
    "order.deliver": "交付虚拟商品",
    "order.redeem": "核销提货码",
    "aftersale.applied": "主动退款",
    "aftersale.approved": "同意售后",
    "aftersale.rejected": "拒绝售后",
    "aftersale.returning": "登记退货",
    "aftersale.returned": "收到退货",
    "aftersale.refunding": "发起退款",
    "aftersale.exchanged": "换货发出",
    "aftersale.manual_first": "登记线下退款",
    "aftersale.manual": "确认线下退款",
    "oddity.refund": "原路退回款项",
    "order.trace": "录入物流",
    "order.trace_delete": "删除物流",
    "pickup_shop.save": "保存自提点",
    "invoice.issue": "登记发票",
    "invoice.refuse": "退回发票申请",
    "order.reveal_phone": "查看收货人手机号",
    "product.create": "新建商品",
    "product.change": "修改商品",
    "product.on": "上架商品",
    "product.off": "下架商品",
    "product.price": "修改售价",
    "product.upload": "上传商品表格",
    "product.import": "导入商品",
    "stock.count": "盘点库存",
    "stock.receive": "商品入库",
    "category.save": "保存分类",
    "category.remove": "删除分类",
    "freight.save": "保存运费模板",
    "freight.remove": "删除运费模板",
    "review.show": "展示评价",
    "review.hide": "隐藏评价",
    "review.reply": "回复评价",
    "member.export": "导出个人资料",
    "member.erase": "注销账号",
    "distributor.approved": "通过或恢复分销员",
    "distributor.rejected": "拒绝分销申请",
    "distributor.suspended": "暂停分销员",
    "distributor.closed": "关闭分销员",
    "distributor.level": "调整分销等级",
    "material.save": "保存推广素材",
    "material.remove": "删除推广素材",
    "article.save": "保存培训文章",
    "article.remove": "删除培训文章",
    "poster.save": "保存海报模板",
    "poster.switch": "启停海报模板",
    "poster.move": "调整海报顺序",
    "poster.remove": "删除海报模板",
    "distributor.move": "调整会员归属",
    "distributor.invited": "邀请成为分销员",
    "join.form": "修改分销申请表",
    "join.contract": "发布合作约定",
    "risk.cleared": "排除风险提示",
    "risk.confirmed": "确认违规",
    "member.note": "填写会员备注",
    "member.tag": "给会员加标签",
    "member.untag": "去掉会员标签",
    "distributor.export": "导出各级人数",
    "appeal.accepted": "接受归属申诉",
    "appeal.refused": "驳回归属申诉",
    "level.save": "保存分销等级",
    "level.switch": "启停分销等级",
    "level.remove": "删除分销等级",
    "plan.draft": "起草佣金方案",
    "plan.change": "修改佣金方案草稿",
    "plan.remove": "删除佣金方案草稿",
    "plan.publish": "发布佣金方案",
    "tax_remittance.ask": "登记个税缴款",
    "tax_remittance.ask_reversal": "申请冲正个税缴款",
    "tax_remittance.confirm": "确认个税缴款",
    "tax_remittance.refuse": "驳回个税缴款",
    "debt.ask_write_off": "申请核销待追回",
    "debt.write_off": "核销待追回",
    "debt.refuse_write_off": "驳回核销申请",
    "bonus.draft": "保存返利草稿",
    "bonus.remove": "删除返利草稿",
    "bonus.publish": "发布返利",
    "bonus.stop": "停止返利",
    "bonus.approve": "返利审核通过",
    "bonus.refuse": "返利不发放",
    "bonus.post": "发放返利",
    "withdrawal.first_approve": "提现初审通过",
    "withdrawal.approve": "提现审核通过",
    "withdrawal.reject": "拒绝提现",
    "withdrawal.pay_now": "立即打款",
    "withdrawal.cancel_bill": "撤销转账",
    "payee.add": "添加收款账户",
    "payee.delete": "删除收款账户",
    "payout_batch.make": "生成打款批次",
    "payout_batch.file": "下载打款文件",
    "payout_batch.paid": "登记已打款",
    "payout_batch.failed": "登记打款失败",
    "payout_batch.returned": "登记退票",
    "payout_batch.take_out": "移出打款批次",
    "payout_voucher.open": "查看打款凭证",
    "oddity.resolve": "处理支付异常",
    "reconciliation.close": "关闭对账差异",
    "payout.lock": "锁定打款",
    "payout.unlock_first": "同意解锁打款（第一人）",
    "payout.unlock": "解锁打款",
    "reply.create": "新建自动回复",
    "reply.change": "修改自动回复",
    "reply.remove": "删除自动回复",
    "channel.create": "新建渠道",
    "channel.change": "修改渠道",
    "channel.stop": "停用渠道",
    "channel.start": "启用渠道",
    "settings.change": "修改设置",
    "settings.propose": "提交设置变更",
    "settings.agree": "确认设置变更",
    "settings.refuse": "驳回设置变更",
    "notice.map": "配置消息模板",
    "notice.switch": "启停消息模板",
    "home.block_save": "保存首页模块",
    "home.block_remove": "删除首页模块",
    "home.block_switch": "启停首页模块",
    "home.arrange": "调整首页模块顺序",
    "home.publish": "发布首页",
    "home.restore": "恢复首页版本到草稿",
    "menu.publish": "发布公众号菜单",
    "menu.publish_half": "公众号菜单只发布了一部分",
    "job.request": "请求执行任务",
}
SUBJECT: Mapping[str, str] = {
    "api_key": "接口密钥",
    "list": "列表",
    "report_subscription": "定期报表",
    "export": "导出",
    "hook": "推送地址",
    "tax": "涉税信息",
    "poster_template": "海报模板",
    "material": "推广素材",
    "article": "培训文章",
    "product": "商品",
    "product_import": "商品表格",
    "category": "分类",
    "freight": "运费模板",
    "admin": "管理员",
    "audit": "操作日志",
    "order": "订单",
    "review": "评价",
    "member": "会员",
    "pickup_shop": "自提点",
    "invoice": "发票申请",
    "distributor": "分销员",
    "appeal": "归属申诉",
    "risk": "风险提示",
    "tree": "归属树",
    "join_form": "分销申请表",
    "join_contract": "合作约定",
    "level": "分销等级",
    "plan": "佣金方案",
    "bonus": "返利",
    "bonus_run": "返利核算",
    "debt_write_off": "核销申请",
    "tax_remittance": "个税缴款",
    "aftersale": "售后",
    "withdrawal": "提现",
    "transfer_grant": "免确认授权",
    "payout_batch": "打款批次",
    "payout_voucher": "打款凭证",
    "oddity": "支付异常",
    "reconciliation_break": "对账差异",
    "payout_lock": "打款锁",
    "reply": "自动回复",
    "channel": "渠道",
    "notice_template": "消息模板",
    "setting": "设置",
    "setting_proposal": "设置变更申请",
    "home_block": "首页模块",
    "home_version": "首页版本",
    "menu_version": "公众号菜单",
    "job_run": "任务",
}
SYSTEM: Mapping[str, str] = {
    "export": "导出任务",
    "send-hooks": "事件推送任务",
    "cli": "命令行",
    "demo": "演示数据",
    "demo_review": "演示复核",
    "wxpay": "微信支付",
    "payout": "打款任务",
    "reconcile": "对账任务",
    "verify-books": "账目校验任务",
    "refund": "退款任务",
    "aftersale": "售后任务",
    "finish": "订单完成任务",
    "close": "关单任务",
    "expire": "超时关单任务",
    "receive": "自动收货任务",
    "join_mode": "自动审核",
    "levels": "等级规则",
}
SEAT = ("买家", "直接上级", "间接上级", "第三级上级")
DEPTH = ("自购", "一级", "二级", "三级")
CARRIERS = (
    "顺丰速运",
    "京东快递",
    "中通快递",
    "圆通速递",
    "韵达快递",
    "申通快递",
    "极兔速递",
    "邮政 EMS",
    "德邦快递",
)


BREAK: Mapping[str, str] = {
    BreakKind.PAYMENT: "付款",
    BreakKind.REFUND: "退款",
    BreakKind.TRANSFER: "提现转账",
    BreakKind.FLOW: "两份账单不一致",
    BreakKind.LEDGER: "账本多记",
    BreakKind.GAP: "账户余额不连续",
}
RECONCILED: Mapping[str, Word] = {
    DayState.AGREES: ("一致", "good"),
    DayState.BREAKS: ("有差异", "bad"),
    DayState.REFUSED: ("账单不完整", "bad"),
}
BILL_FILE: Mapping[str, str] = {BillKind.TRADE: "交易账单", BillKind.FLOW: "资金账单"}
LOCK_CAUSE: Mapping[str, str] = {
    LockCause.BOOKS: "与微信账单不一致",
    LockCause.INVARIANTS: "账目校验没有通过",
    LockCause.RECOVERY: "恢复备份后等待核对",
}


def break_meaning(
    kind: BreakKind, ledger: int | None, request: int | None, bill: int | None
) -> str:
    """What a disagreement means, and where to look first."""
    if kind is BreakKind.GAP:
        return "微信账户当天的期初余额与前一天的期末余额不同，可能缺了账单"
    if kind is BreakKind.LEDGER:
        return "账本记了微信的钱，商城里没有对应的单据"
    if kind is BreakKind.FLOW:
        return "交易账单与资金账单只有一份有这笔"
    if bill is None:
        return "商城记为成功，微信账单里没有：到商户平台查这笔是否真的成功"
    if request is None:
        return "微信账单有，商城没有这笔单据：可能是别的系统所为，或恢复备份时丢失"
    if ledger is None:
        return "微信账单有，商城的单据还没有结束：先补查微信的结果"
    return "三方金额不同：以微信账单为准，查明后更正"


ODDITY: Mapping[str, dict[str, str]] = {
    OddityKind.UNKNOWN_NUMBER: {
        "title": "收到未知单号的付款通知",
        "what": "微信通知了一笔付款，但商城没有这个支付单号。钱没有记账。",
        "next": "到微信支付商户平台按下方交易单号查询来源；确认不是商城订单后，由商户平台退款，再在此写明结果。",
    },
    OddityKind.AMOUNT_DIFFERS: {
        "title": "付款金额与订单不符",
        "what": "微信确认的金额与商城请求的金额不同。订单没有变为已付款，钱没有记账。",
        "next": "到商户平台核对实际金额。不要手工改订单；请在商户平台原路退款，并联系买家重新下单。",
    },
    OddityKind.MERCHANT_DIFFERS: {
        "title": "通知来自别的商户号",
        "what": "通知里的商户号不是本店的。没有记账，订单不受影响。",
        "next": "检查微信支付的商户号与回调地址是否配置错误；若配置正确，可能是误发，写明结论即可。",
    },
    OddityKind.APP_DIFFERS: {
        "title": "通知来自别的公众号",
        "what": "通知里的 AppID 不是本店公众号的。没有记账，订单不受影响。",
        "next": "检查公众号 AppID 与商户号的绑定关系；确认后写明结论。",
    },
    OddityKind.PAID_LATE: {
        "title": "订单关闭后才收到付款",
        "what": "订单已超时关闭、库存已释放，买家的钱随后到账。钱已记入“应退买家”。",
        "next": "点“原路退回”把钱退给买家，到账后自动标为已处理；也可与买家商量重新下单后再写明结果。",
    },
    OddityKind.PAID_TWICE: {
        "title": "同一订单付款两次",
        "what": "订单已付款，又收到第二笔。第二笔已记入“应退买家”。",
        "next": "点“原路退回”退回第二笔，第一笔和订单不受影响；到账后自动标为已处理。",
    },
    OddityKind.TRANSFER_DIFFERS: {
        "title": "转账结果与转账单不符",
        "what": "微信关于一笔提现转账的答复，与商城保存的转账单不一致。答复没有采纳，提现金额保持冻结。",
        "next": "到商户平台按转账单号查询真实结果。确认前不要重新打款。",
    },
    OddityKind.REFUND_DIFFERS: {
        "title": "退款结果与退款单不符",
        "what": "微信通知的退款单号、金额或商户号与商城的记录不同。没有据此记账。",
        "next": "到商户平台按退款单号核对；确认钱的去向后在此写明结果，再决定是否重新退款。",
    },
}
FACT: Mapping[str, str] = {
    "out_trade_no": "商户支付单号",
    "transaction_id": "微信交易单号",
    "out_bill_no": "商户转账单号",
    "mchid": "商户号",
    "appid": "AppID",
    "amount_fen": "微信确认的金额",
    "expected_fen": "商城记录的金额",
    "currency": "币种",
    "state": "微信状态",
}
FIELD: Mapping[str, str] = {
    "list": "列表",
    "columns": "列",
    "shared": "所有管理员可用",
    "format": "格式",
    "rows": "行数",
    "personal": "完整的个人信息",
    "sha256": "文件指纹",
    "wanted": "搜索",
    "quarter": "季度",
    "ended": "退出次数",
    "year": "年份",
    "layout": "版式",
    "share_text": "文案",
    "video_url": "视频链接",
    "is_required": "必读",
    "summary": "摘要",
    "region": "所在地区",
    "detail": "详细地址",
    "hours": "营业时间",
    "phone": "电话",
    "is_open": "可自提",
    "at": "时间",
    "text": "物流信息",
    "number": "号码",
    "status": "状态",
    "carrier": "快递公司",
    "tracking_number": "快递单号",
    "gross_fen": "申请金额",
    "resolution": "处理结果",
    "menu_version": "菜单版本",
    "sent": "微信已接受",
    "username": "账号",
    "job": "任务",
    "dry_run": "试运行",
    "role": "角色",
    "name": "名称",
    "document": "内容",
    "effective_from": "生效时间",
    "kind": "触发方式",
    "keywords": "关键词",
    "reply_type": "回复类型",
    "content": "回复内容",
    "title": "标题",
    "description": "摘要",
    "picture_url": "图片地址",
    "url": "跳转地址",
    "sort": "排序",
    "is_active": "启用",
    "channel": "渠道名称",
    "channel_kind": "渠道类型",
    "is_permanent": "永久二维码",
    "owner": "归属推广码",
    "note": "备注",
    "category": "分类",
    "parent": "上级分类",
    "is_on_shelf": "在架",
    "limit_per_member": "每人限购",
    "block_kind": "模块类型",
    "block_content": "模块内容",
    "shown_from": "开始展示",
    "shown_until": "结束展示",
    "order": "顺序",
    "version": "版本",
    "blocks": "模块数",
    "draft": "原来的草稿",
    "freight": "运费模板",
    "skus": "规格与价格",
    "sku": "规格",
    "price_fen": "售价",
    "member_price_fen": "会员价",
    "list_price_fen": "划线价",
    "cost_fen": "成本",
    "stock": "库存",
    "level": "等级",
    "level_code": "等级标识",
    "level_rank": "级别序号",
    "benefits": "等级权益",
    "conditions": "升级条件",
    "keep": "保级条件",
    "kept_until": "保留至",
    "counts": "计费方式",
    "rules": "运费规则",
}
BONUS: Mapping[str, Word] = {
    ResultState.COMPUTED: ("待审核", "wait"),
    ResultState.APPROVED: ("待发放", "go"),
    ResultState.REFUSED: ("不发放", "off"),
    ResultState.POSTED: ("已发放", "good"),
}
INVARIANT: Mapping[str, str] = {
    "B1": "已发放的返利与分录一致",
    "B2": "退款追回的返利与分录一致",
    "L1": "每笔分录至少两条明细，且借贷相抵为 0",
    "L2": "账户余额等于其明细之和",
    "L3": "不允许为负的账户没有变负",
    "C1": "佣金不超过单行上限，每层级只有一条",
    "C2": "退款后佣金同比例收回",
    "C3": "退货期结束前没有结算",
    "C4": "已结算的佣金与分录一致",
    "O1": "每个已付款订单恰有一笔收款分录",
    "O2": "退款不超过实付",
    "O3": "已完成的订单没有滞留资金",
    "R1": "订单的退款与售后单一致",
    "R2": "待退款等于在途退款与迟到的收款",
    "W1": "提现金额 = 到账 + 税 + 手续费",
    "W2": "每笔提现最多一张有效转账单",
    "W3": "已到账的提现恰有一张成功的转账单",
    "W4": "冻结金额等于处理中的提现",
    "W5": "提现扣税与代扣明细一致，应交税款等于已到账提现的代扣减去已缴的税款",
    "S1": "状态只按规定流转，记录首尾相接",
    "K2": "库存与流水一致，没有变负",
    "P1": "待结算余额等于未结算的佣金",
    "T1": "分销关系没有环，存储的上级与关系树一致",
}
# Outcomes of a payout step, as the person at the desk reads them.
PAY_OUTCOME: Mapping[str, str] = {
    "unclear": "微信没有明确答复，已标为“结果未明”，款项保持冻结，系统会自动查询",
    "taken": "打款任务已先一步处理，请查看最新状态",
    "locked": "打款已锁定，款项保持冻结；解锁后系统会自动继续",
}


REMITTANCE: Mapping[str, Word] = {
    "asked": ("待确认", "wait"),
    "done": ("已入账", "good"),
    "refused": ("未入账", "off"),
}
TAX_METHOD: Mapping[str, str] = {"none": "不代扣", "monthly": "按月预扣", "cumulative": "累计预扣"}


def quarter(code: str) -> str:
    """`2026-Q4` as `2026 年第 4 季度`."""
    return f"{code[:4]} 年第 {code[-1]} 季度"


def word(words: Mapping[str, Word], value: object) -> Word:
    """The word and tone of a stored state; an unknown one speaks for itself."""
    return words.get(str(value), (str(value), "off"))


def rate(document: Mapping[str, Any]) -> str:
    """A rate's document as a person would say it: `10%`, `每件 ¥5.00`."""
    if document.get("bps") is not None:
        return percent(document["bps"])
    if document.get("fen") is not None:
        return f"每件 ¥{format_yuan(document['fen'])}"
    tiers = document.get("tiers") or {}
    by_order = tiers.get("by") == "order_paid"
    steps = []
    for step in tiers.get("steps", []):
        start = f"¥{format_yuan(step['from'])}" if by_order else percent(step["from"])
        steps.append(f"{start} 起 {rate(step)}")
    return ("按订单实付：" if by_order else "按毛利率：") + "，".join(steps)


def percent(bps: int) -> str:
    """Basis points as percent, without needless zeros."""
    whole, rest = divmod(abs(bps), 100)
    text = f"{whole}.{rest:02d}".rstrip("0").rstrip(".") if rest else str(whole)
    return f"{'-' if bps < 0 else ''}{text}%"


def reply_kinds() -> list[tuple[str, str, str]]:
    """For a choice of what a reply rule answers."""
    hints = {
        RuleKind.EXACT: "消息与关键词相同，最先匹配",
        RuleKind.CONTAINS: "消息里有关键词",
        RuleKind.DEFAULT: "没有关键词适用的消息，图片、语音等也在内",
        RuleKind.FOLLOW: "新关注的人",
        RuleKind.FOLLOW_BY_CODE: "扫分销员推广码进来的人",
    }
    return [(kind, REPLY_KIND[kind], hint) for kind, hint in hints.items()]


def reply_types() -> list[tuple[str, str, str]]:
    """For a choice of what a reply rule answers with."""
    hints = {
        ReplyType.TEXT: "",
        ReplyType.NEWS: "一张卡片，点开是网页",
        ReplyType.SERVICE: "由微信转给在线客服；不能用于被关注和扫推广码",
        ReplyType.NONE: "收到后保持安静",
    }
    return [(kind, REPLY_TYPE[kind], hint) for kind, hint in hints.items()]


def channel_kinds() -> list[tuple[str, str, str]]:
    """For a choice of what a channel is."""
    hints = {
        ChannelKind.CAMPAIGN: "海报、推文、展会、包裹卡等",
        ChannelKind.SHOP: "线下门店、柜台、收银台",
    }
    return [(kind, CHANNEL_KIND[kind], hint) for kind, hint in hints.items()]


def channel_lasting(ration: Ration) -> list[tuple[str, str, str]]:
    """For a choice of how long a channel's QR lasts."""
    left = ration.limit - ration.used
    return [
        ("temporary", "临时二维码", "30 天有效，到期前自动换新；已印出来的旧码到期后失效"),
        (
            "permanent",
            "永久二维码",
            f"永久有效，适合印刷张贴。公众号一共 {ration.limit:,} 个，还剩 {left:,} 个，用掉不能收回",
        ),
    ]


def ration_warning(ration: Ration) -> str:
    """What to say of permanent scenes that run short."""
    if ration.is_used_up:
        return f"公众号的 {ration.limit:,} 个永久二维码已全部用完，新渠道只能用临时二维码"
    left = ration.limit - ration.used
    return f"公众号的永久二维码只剩 {left:,} 个（共 {ration.limit:,} 个），请优先使用临时二维码"


def rate_source(source: str, level_name: Callable[[str], str]) -> str:
    """Where a commission's rate came from, in words; `level_name` names a level's code."""
    kind, _, rest = source.partition(":")
    names = {
        "product": "商品专属费率",
        "category": "分类费率",
        "level": "等级费率",
        "default": "方案默认费率",
    }
    text = names.get(kind, source)
    if not rest:
        return text
    return f"{text}（{level_name(rest) if kind == 'level' else rest}）"


def carrier_choices() -> list[tuple[str, str]]:
    """The common carriers for a select field."""
    return [(name, name) for name in CARRIERS]


def plan_facts(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A plan's rules besides its rates, as labels and words."""
    said = {
        "base": {"paid": "按实付金额", "profit": "按利润（实付减成本）"},
        "mode": {"fixed": "固定：每级各有费率", "differential": "级差：只得超出下级的部分"},
        "self_purchase": {"off": "自购不返佣", "first_level": "自购按一级返佣"},
        "inactive_upline": {"skip": "保留位置、不发佣金", "compress": "跳过，由更上级递补"},
    }
    labels = {
        "base": "计佣基数",
        "mode": "计佣方式",
        "self_purchase": "自购",
        "inactive_upline": "无效上级",
    }
    facts = [("分佣层级", f"{document.get('depth_cap')} 级")]
    facts += [
        (label, said[name].get(str(document.get(name)), str(document.get(name))))
        for name, label in labels.items()
    ]
    facts.append(("单行佣金上限", f"实付的 {percent(int(document.get('line_cap_bps', 0)))}"))
    return facts


# Fields of audit entries that hold one of a few stored words.
_SAID: Mapping[str, Mapping[str, str]] = {
    "role": ROLE,
    "kind": REPLY_KIND,
    "reply_type": REPLY_TYPE,
    "channel_kind": CHANNEL_KIND,
    "counts": {"piece": "按件数", "weight": "按重量"},
}


def field(name: str) -> str:
    """A field of an audit entry, or a setting's key, by its title."""
    setting = ALL.get(name)
    return setting.title if setting else FIELD.get(name, name)


def _prices(prices: Mapping[str, int | None]) -> str:
    """The prices of a SKU in an audit entry; those that are not set are left out."""
    said = (f"{field(name)} {shown(name, fen)}" for name, fen in prices.items() if fen)
    return "，".join(said)


def shown(name: str, value: object, level_name: Callable[[str], str] = str) -> str:
    """A value of an audit entry as people read it; `level_name` names a level's code."""
    if value is None:
        return "—"
    if name.endswith("_fen") and isinstance(value, int):
        return f"¥{format_yuan(value)}"
    if name.endswith("_bps") and isinstance(value, int):
        return percent(value)
    if name in _SAID:
        return _SAID[name].get(str(value), str(value))
    said_of_level = levels.shown(name, value, level_name)
    if said_of_level is not None:
        return said_of_level
    if name in ("is_active", "is_permanent", "is_on_shelf", "is_open", "shared"):
        return "是" if value else "否"
    if name == "status":
        for said in (ORDER, DISTRIBUTOR, WITHDRAWAL):
            if value in said:
                return said[str(value)][0]
    if name == "skus" and isinstance(value, dict):
        return "；".join(f"{sku}：{_prices(prices)}" for sku, prices in value.items()) or "—"
    return _plainly(name, value)


def _plan(document: Mapping[str, Any]) -> str:
    """A plan in an audit entry: its rules, its default rates, and how many others."""
    said = [f"{label} {value}" for label, value in plan_facts(document)]
    rates = document.get("default", {}).items()
    said.append("默认 " + ("、".join(f"{DEPTH[int(at)]} {rate(of)}" for at, of in rates) or "无"))
    groups = {"levels": "等级", "categories": "分类", "products": "商品"}
    said += [f"{len(document[k])} 行{title}费率" for k, title in groups.items() if document.get(k)]
    return "；".join(said)


def _plainly(name: str, value: object) -> str:
    """A value that no rule of its own says."""
    if name == "personal" and isinstance(value, list):
        return "、".join(PERSONAL.get(str(kind), str(kind)) for kind in value) or "无"
    if name == "columns" and isinstance(value, list):
        return "、".join(map(str, value))
    if name == "layout" and isinstance(value, dict):
        return f"{len(value.get('parts', []))} 个元素"
    if name == "document" and isinstance(value, dict) and "depth_cap" in value:
        return _plan(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
