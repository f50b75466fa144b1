"""The reports (报表) by their names, each a function of a span to tiles, charts and tables."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.reports.boards import finance, people, trade
from app.reports.boards.blocks import Board, Span


@dataclass(frozen=True)
class Report:
    """A report by its name in addresses; `topic` says which part of the shop it tells of."""

    key: str
    title: str
    about: str
    topic: str
    make: Callable[[Span, datetime], Board]


REPORTS = {
    report.key: report
    for report in (
        Report("sales", "销售", "成交额、订单、客单价", "orders", trade.sales),
        Report("products", "商品", "卖得最好的和毛利", "products", trade.products),
        Report("members", "会员", "新客、老客、复购", "members", people.people),
        Report("distributors", "分销员", "业绩与目标", "distributors", people.distributors),
        Report("commissions", "佣金与成本", "产生、收回、结算", "commissions", finance.commissions),
        Report("withdrawals", "提现与税", "到账与代扣", "withdrawals", finance.withdrawals),
        Report("refunds", "退款", "退款额与退货率", "orders", trade.refunds),
        Report("regions", "地区", "各省成交", "orders", trade.regions),
        Report("forecast", "预测", "未来两周的成交额", "orders", trade.forecast),
        Report("channels", "渠道", "扫码到成交", "channels", people.by_channel),
    )
}
