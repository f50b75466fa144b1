import sqlalchemy as sa
from sqlalchemy.orm import aliased

from app.audit.invariants import illegal_moves
from app.core.db import Rows
from app.distribution.models import TRANSITIONS, Distributor
from app.ledger.invariants import invariant
from app.members import Member

T1 = "no cycle in the referral tree, and the stored uplines equal the tree"


@invariant("T1", T1)
def _uplines_differ() -> Rows:
    above = aliased(Member)
    return (
        sa.select(Member.id.label("member"), Member.upline1_id, Member.upline2_id)
        .join(above, above.id == Member.upline1_id)
        .where(
            sa.or_(
                sa.func.coalesce(Member.upline2_id, 0) != sa.func.coalesce(above.upline1_id, 0),
                sa.func.coalesce(Member.upline3_id, 0) != sa.func.coalesce(above.upline2_id, 0),
            )
        )
    )


@invariant("T1", T1)
def _not_reached_from_a_root() -> Rows:
    """Members with somebody below whom no walk down from a root meets: a cycle.

    Whoever has nobody below is on no cycle, and most have nobody: they are left out.
    A walk from the roots meets each member once, so it needs no look at what it met.
    """
    top, child, below = aliased(Member), aliased(Member), aliased(Member)
    reached = sa.select(top.id).where(top.upline1_id.is_(None)).cte(recursive=True)
    reached = reached.union_all(
        sa.select(child.id)
        .join(reached, child.upline1_id == reached.c.id)
        .where(sa.exists().where(below.upline1_id == child.id))
    )
    inner = (
        sa.select(Member.upline1_id.label("id"))
        .where(Member.upline1_id.is_not(None))
        .distinct()
        .subquery()
    )
    return (
        sa.select(inner.c.id.label("member"))
        .outerjoin(reached, reached.c.id == inner.c.id)
        .where(reached.c.id.is_(None))
    )


@invariant("S1", "only legal state moves, each from where the last one ended")
def _distributor_moves() -> Rows:
    return illegal_moves("distributor", TRANSITIONS, {"applied", "invited"}, Distributor)
