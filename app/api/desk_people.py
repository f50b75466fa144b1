"""Members, commissions and withdrawals, for other systems of the shop."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from app import commission, distribution, members, orders, withdrawals
from app.api.blueprint import V1, bp
from app.api.desk_orders import MASKED
from app.api.operation import may_see_personal, note_personal, operation
from app.api.shapes import Answer, Fen, Moment, Paged, next_of
from app.commission import Commission
from app.core.errors import NotFound
from app.integrations import Scope
from app.members import Member
from app.withdrawals import Withdrawal


class MemberOut(Answer):
    id: str = Field(description="会员编号")
    nickname: str = Field(description=MASKED)
    is_subscribed: bool = Field(description="是否关注公众号")
    upline: str | None = Field(description="上级的会员编号")
    distributor: distribution.DistributorStatus | None = Field(description="不是分销员时为空")
    level: str | None = Field(description="分销等级的代号")
    is_erased: bool = Field(description="已注销")
    created_at: Moment
    bound_at: Moment | None


class MemberList(Answer):
    items: Sequence[MemberOut]
    next_cursor: str | None


class CommissionOut(Answer):
    id: int
    member: str = Field(description="分销员的会员编号")
    order: str = Field(description="订单号")
    line_id: int
    depth: int = Field(description="第几级，1 为直接上级")
    status: commission.CommissionStatus
    base_fen: Fen
    amount_fen: Fen
    reversed_fen: Fen = Field(description="因退款收回的金额（分）")
    standing_fen: Fen = Field(description="现在的金额（分）：amount_fen 减 reversed_fen")
    plan_id: int = Field(description="佣金方案的版本")
    settlement_id: int | None = Field(description="结算批次")
    expected_at: Moment | None
    settled_at: Moment | None
    created_at: Moment


class CommissionList(Answer):
    items: Sequence[CommissionOut]
    next_cursor: str | None


class CommissionQuery(Paged):
    status: commission.CommissionStatus | None = Field(None, description="只看这个状态")


class WithdrawalOut(Answer):
    number: str
    member: str = Field(description="会员编号")
    status: withdrawals.WithdrawalStatus
    gross_fen: Fen = Field(description="申请金额（分）")
    tax_fen: Fen = Field(description="代扣个人所得税（分）")
    vat_fen: Fen
    fee_fen: Fen
    net_fen: Fen = Field(description="到账金额（分）")
    created_at: Moment
    reviewed_at: Moment | None
    ended_at: Moment | None


class WithdrawalList(Answer):
    items: Sequence[WithdrawalOut]
    next_cursor: str | None


class WithdrawalQuery(Paged):
    status: withdrawals.WithdrawalStatus | None = Field(None, description="只看这个状态")


@bp.get(f"{V1}/members")
@operation(MemberList, tag="会员", scope=Scope.MEMBERS_READ)
def list_members(query: Paged) -> MemberList:
    """会员列表，最新的在前"""
    page = members.members_page(before=query.before, size=query.limit)
    answer = MemberList(items=_members(page.items), next_cursor=next_of(page))
    if may_see_personal():
        note_personal("members", len(answer.items))
    return answer


@bp.get(f"{V1}/members/<public_id>")
@operation(MemberOut, tag="会员", scope=Scope.MEMBERS_READ)
def get_member(public_id: str) -> MemberOut:
    """一位会员"""
    found = members.by_public_id(public_id)
    if found is None:
        raise NotFound("会员不存在")
    [answer] = _members([found])
    if may_see_personal():
        note_personal("members", 1)
    return answer


@bp.get(f"{V1}/commissions")
@operation(CommissionList, tag="佣金与提现", scope=Scope.COMMISSIONS_READ)
def list_commissions(query: CommissionQuery) -> CommissionList:
    """佣金明细，最新的在前"""
    page = commission.commissions_page(query.status, before=query.before, size=query.limit)
    return CommissionList(items=_commissions(page.items), next_cursor=next_of(page))


@bp.get(f"{V1}/commissions/<int:commission_id>")
@operation(CommissionOut, tag="佣金与提现", scope=Scope.COMMISSIONS_READ)
def get_commission(commission_id: int) -> CommissionOut:
    """一笔佣金"""
    [answer] = _commissions([commission.commission_by_id(commission_id)])
    return answer


@bp.get(f"{V1}/withdrawals")
@operation(WithdrawalList, tag="佣金与提现", scope=Scope.WITHDRAWALS_READ)
def list_withdrawals(query: WithdrawalQuery) -> WithdrawalList:
    """提现单列表，最新的在前"""
    page = withdrawals.withdrawals_page(
        (query.status,) if query.status else None, before=query.before, size=query.limit
    )
    called = _public_ids(row.member_id for row in page.items)
    return WithdrawalList(
        items=[withdrawal_out(row, called[row.member_id]) for row in page.items],
        next_cursor=next_of(page),
    )


@bp.get(f"{V1}/withdrawals/<number>")
@operation(WithdrawalOut, tag="佣金与提现", scope=Scope.WITHDRAWALS_READ)
def get_withdrawal(number: str) -> WithdrawalOut:
    """一张提现单"""
    row = withdrawals.withdrawal_by_number(number)
    return withdrawal_out(row, _public_ids([row.member_id])[row.member_id])


def _members(rows: Sequence[Member]) -> list[MemberOut]:
    called = _public_ids(row.upline1_id for row in rows if row.upline1_id)
    standings = {d.member_id: d for d in distribution.distributors_of([row.id for row in rows])}
    is_open = may_see_personal()
    found = []
    for row in rows:
        standing = standings.get(row.id)
        found.append(
            MemberOut(
                id=row.public_id,
                nickname=row.display_name if is_open else row.masked_name,
                is_subscribed=row.is_subscribed,
                upline=called.get(row.upline1_id) if row.upline1_id else None,
                distributor=standing.status if standing else None,
                level=standing.level if standing else None,
                is_erased=row.erased_at is not None,
                created_at=row.created_at,
                bound_at=row.bound_at,
            )
        )
    return found


def _commissions(rows: Sequence[Commission]) -> list[CommissionOut]:
    called = _public_ids(row.member_id for row in rows)
    found = orders.by_ids(row.order_id for row in rows)
    return [commission_out(row, called[row.member_id], found[row.order_id].number) for row in rows]


def commission_out(row: Commission, member: str, order_number: str) -> CommissionOut:
    other = {"member", "order", "line_id", "settlement_id"}
    return CommissionOut(
        **{name: getattr(row, name) for name in set(CommissionOut.model_fields) - other},
        member=member,
        order=order_number,
        line_id=row.order_line_id,
        settlement_id=row.batch_id or None,
    )


def withdrawal_out(row: Withdrawal, member: str) -> WithdrawalOut:
    same = set(WithdrawalOut.model_fields) - {"member"}
    return WithdrawalOut(**{name: getattr(row, name) for name in same}, member=member)


def _public_ids(member_ids: Iterable[int]) -> Mapping[int, str]:
    return {member_id: row.public_id for member_id, row in members.names_of(member_ids).items()}
