"""A distributor's own: what was earned and why, the team, withdrawing."""

from collections.abc import Sequence
from typing import Annotated, Any

from flask import Response
from pydantic import Field

from app import commission, distribution, ledger, members, orders, settings, withdrawals
from app.api.blueprint import V1, bp
from app.api.desk_people import CommissionQuery, WithdrawalList, WithdrawalOut, withdrawal_out
from app.api.me import WalletOut
from app.api.operation import current_member, once, operation, turn
from app.api.shapes import Answer, Body, Fen, Moment, Paged, Query, next_of, seal, unseal
from app.commission import Commission, wording
from app.core import clock
from app.core.errors import DomainError
from app.core.money import format_yuan
from app.distribution import team

TAG = "我的分销"
DEPTH_USUAL = 2


class NotDistributor(DomainError):
    code = "not_distributor"
    status = 403
    message = "你还不是分销员"


class SummaryOut(Answer):
    status: distribution.DistributorStatus
    level: str = Field(description="分销等级的代号")
    code: str | None = Field(description="推广码；不能推广时为空")
    today_fen: Fen = Field(description="今天的佣金（分）")
    month_fen: Fen = Field(description="本月的佣金（分）")
    all_fen: Fen = Field(description="累计佣金（分）")
    wallet: WalletOut
    team: Sequence[int] = Field(description="各级下级人数，直接下级在前")


class MyCommissionOut(Answer):
    id: int
    status: commission.CommissionStatus
    depth: int
    buyer: str = Field(description="购买人，只给出部分字符")
    title: str
    base_fen: Fen
    rate: dict[str, Any] = Field(description="佣金比例：bps 为万分之几，fen 为每件金额")
    source: str = Field(description="比例来自方案的哪张表")
    uncapped_fen: Fen
    amount_fen: Fen
    reversed_fen: Fen
    standing_fen: Fen
    reason: str = Field(description="为什么是这个数，一句话")
    expected_at: Moment | None
    settled_at: Moment | None
    created_at: Moment


class MyCommissionList(Answer):
    items: Sequence[MyCommissionOut]
    next_cursor: str | None


class TeamQuery(Paged):
    level: int = Field(1, ge=1, le=3, description="第几级下级")
    sort: team.Sort = team.Sort.JOINED


class TeamRowOut(Answer):
    id: str = Field(description="会员编号")
    name: str
    orders: int
    sales_fen: Fen
    earned_fen: Fen
    joined_at: Moment


class TeamList(Answer):
    items: Sequence[TeamRowOut]
    next_cursor: str | None


AmountFen = Annotated[int, Field(ge=1, le=10**12, description="提现金额（分）")]


class PreviewQuery(Query):
    amount_fen: AmountFen


class PreviewOut(Answer):
    gross_fen: Fen
    tax_fen: Fen
    vat_fen: Fen
    fee_fen: Fen
    net_fen: Fen


class AskIn(Body):
    amount_fen: AmountFen
    expected_net_fen: int = Field(ge=0, le=10**12, description="试算得到的 net_fen，不一致则不提交")


@bp.get(f"{V1}/me/distribution")
@operation(SummaryOut, tag=TAG, phone=True)
def get_my_distribution() -> SummaryOut:
    """分销概览"""
    member_id, now = current_member().id, clock.now()
    standing = distribution.distributor_of(member_id)
    if standing is None:
        raise NotDistributor()
    code = distribution.sharing_code(member_id)
    return SummaryOut(
        status=standing.status,
        level=standing.level,
        code=code.code if code else None,
        **vars(commission.summary_of(member_id, now)),
        wallet=WalletOut.model_validate(ledger.wallet_of(member_id)),
        team=distribution.team_counts(member_id, _depth()),
    )


@bp.get(f"{V1}/me/commissions")
@operation(MyCommissionList, tag=TAG, phone=True)
def list_my_commissions(query: CommissionQuery) -> MyCommissionList:
    """我的佣金，最新的在前"""
    page = commission.commissions_of(
        current_member().id,
        [query.status] if query.status else None,
        before=query.before,
        size=query.limit,
    )
    return MyCommissionList(items=_commissions(page.items), next_cursor=next_of(page))


@bp.get(f"{V1}/me/commissions/<int:commission_id>")
@operation(MyCommissionOut, tag=TAG, phone=True)
def get_my_commission(commission_id: int) -> MyCommissionOut:
    """我的一笔佣金和它的由来"""
    [found] = _commissions([commission.commission_of(current_member().id, commission_id)])
    return found


@bp.get(f"{V1}/me/team")
@operation(TeamList, tag=TAG, phone=True)
def list_my_team(query: TeamQuery) -> TeamList:
    """我的团队"""
    after = unseal(query.cursor) if query.cursor else ""
    member_id = current_member().id
    if query.level > _depth():
        return TeamList(items=[], next_cursor=None)
    page = team.page(member_id, query.level, sort=query.sort, after=after, size=query.limit)
    is_masked = settings.value(settings.registry.TEAM_NAMES_MASKED)
    return TeamList(
        items=[
            TeamRowOut(
                id=row.member.public_id,
                name=row.member.masked_name if is_masked else row.member.display_name,
                orders=row.orders,
                sales_fen=row.sales_fen,
                earned_fen=row.earned_fen,
                joined_at=row.member.bound_at or row.member.created_at,
            )
            for row in page.items
        ],
        next_cursor=seal(page.after),
    )


@bp.get(f"{V1}/me/withdrawals")
@operation(WithdrawalList, tag=TAG, phone=True)
def list_my_withdrawals(query: Paged) -> WithdrawalList:
    """我的提现，最新的在前"""
    me = current_member()
    page = withdrawals.withdrawals_of(me.id, before=query.before, size=query.limit)
    return WithdrawalList(
        items=[withdrawal_out(row, me.public_id) for row in page.items], next_cursor=next_of(page)
    )


@bp.get(f"{V1}/me/withdrawals/preview")
@operation(PreviewOut, tag=TAG, phone=True)
def preview_my_withdrawal(query: PreviewQuery) -> PreviewOut:
    """提现前试算：税、手续费和到账金额"""
    found = withdrawals.preview_for(current_member().id, query.amount_fen, now=clock.now())
    return PreviewOut.model_validate(found)


@bp.get(f"{V1}/me/withdrawals/<number>")
@operation(WithdrawalOut, tag=TAG, phone=True)
def get_my_withdrawal(number: str) -> WithdrawalOut:
    """我的一张提现单"""
    me = current_member()
    return withdrawal_out(withdrawals.withdrawal_of(me.id, number), me.public_id)


@bp.post(f"{V1}/me/withdrawals")
@operation(WithdrawalOut, tag=TAG, phone=True, writes=True, status=201)
def ask_my_withdrawal(json: AskIn) -> Response:
    """申请提现"""
    member_id, called = current_member().id, current_member().public_id

    def work() -> WithdrawalOut:
        row = withdrawals.request(
            member_id,
            amount_fen=json.amount_fen,
            request_key=f"api-{turn()}",
            expected_net_fen=json.expected_net_fen,
            now=clock.now(),
        )
        return withdrawal_out(row, called)

    return once(work)


def _depth() -> int:
    """How many levels below earn something under the plan in force."""
    in_force = commission.plan_in_force(clock.now())
    return in_force[1].depth_cap if in_force else DEPTH_USUAL


def _commissions(rows: Sequence[Commission]) -> list[MyCommissionOut]:
    found = orders.by_ids(row.order_id for row in rows)
    buyers = members.names_of(order.member_id for order in found.values())
    same = set(MyCommissionOut.model_fields) - {"buyer", "title", "reason"}
    answers = []
    for row in rows:
        order = found[row.order_id]
        line = next(line for line in order.lines if line.id == row.order_line_id)
        answers.append(
            MyCommissionOut(
                **{name: getattr(row, name) for name in same},
                buyer=buyers[order.member_id].masked_name,
                title=line.title,
                reason=_reason(row),
            )
        )
    return answers


def _reason(row: Commission) -> str:
    said = (
        f"计佣基数 ¥{format_yuan(row.base_fen)}，{wording.rate_source(row.source)}"
        f" {wording.rate(row.rate)}，得 ¥{format_yuan(row.amount_fen)}"
    )
    if row.uncapped_fen != row.amount_fen:
        said += f"（按比例是 ¥{format_yuan(row.uncapped_fen)}，受佣金总额上限限制）"
    if row.reversed_fen:
        said += f"；退款收回 ¥{format_yuan(row.reversed_fen)}"
    return said
