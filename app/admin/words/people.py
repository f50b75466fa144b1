"""Words for members, distributors, bindings and risks (会员与分销员)."""

from collections.abc import Mapping

from app.admin.words.base import Word
from app.distribution import AttemptResult, BindingSource, DistributorStatus
from app.distribution.joining.form import FieldKind
from app.distribution.models import AppealStatus
from app.members import MemberStatus
from app.risk import RiskKind, RiskState

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
