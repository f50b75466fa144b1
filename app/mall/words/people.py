"""Words for distributors, their teams and who brought whom (分销与绑定)."""

from app.distribution import DistributorStatus
from app.distribution.models import AppealStatus

TEAM_SORT = (
    ("joined", "最新加入"),
    ("sales", "成交最多"),
    ("earned", "佣金最多"),
    ("quiet", "来过未下单"),
)

LEVEL = {1: "一级成员", 2: "二级成员", 3: "三级成员"}

DISTRIBUTOR_STATE: dict[DistributorStatus, tuple[str, str]] = {
    DistributorStatus.INVITED: ("商家邀请你成为分销员", "同意下面的合作约定后即可开始推广"),
    DistributorStatus.APPLIED: ("申请正在审核", "通常一到两个工作日内有结果，通过后公众号会通知你"),
    DistributorStatus.APPROVED: ("你已是分销员", ""),
    DistributorStatus.REJECTED: ("申请没有通过", "请按下面的原因补充说明后重新申请"),
    DistributorStatus.SUSPENDED: (
        "分销资格已暂停",
        "暂停期间不再产生新佣金，待结算的佣金暂不入账；如有疑问请联系客服",
    ),
    DistributorStatus.CLOSED: ("已退出分销", "历史佣金与提现仍可查看；如需重新加入请联系客服"),
}

APPEAL_STATE: dict[AppealStatus, tuple[str, str]] = {
    AppealStatus.OPEN: ("申诉处理中", "有结果后会通知你"),
    AppealStatus.ACCEPTED: ("申诉已通过", ""),
    AppealStatus.REFUSED: ("申诉未通过", ""),
}

BINDING_SOURCE = {
    "scan": "扫公众号码",
    "link": "推广链接",
    "order": "下单时的推广码",
    "admin": "商家操作",
}

BINDING = {
    "bound": "绑定成功",
    "rebound": "更换推荐人",
    "remembered": "已记住，下单时绑定",
    "moved": "商家调整",
    "released": "商家解除",
    "protected": "保护期内，未改变",
    "distributor_stays": "分销员不更换推荐人",
    "bought_before": "购买过，不再绑定",
    "only_by_scan": "只在扫码时绑定",
    "crawler": "不是本人打开",
    "already_bound": "已有推荐人，未改变",
    "unknown_code": "推广码无效",
    "own_code": "自己的推广码",
    "owner_inactive": "推荐人已停止推广",
    "own_downline": "不能绑定自己的下级",
}
