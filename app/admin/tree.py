"""The referral tree (归属树): unfold it level by level, and take it along by heads."""

from collections.abc import Iterator, Sequence
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app import audit, distribution, members
from app.admin import auth, export, lists, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.frame import level_name
from app.admin.models import Permission
from app.core import clock, web
from app.core.db import db, run_unit
from app.distribution import heads, team
from app.members import Member


@bp.get("/distributors/tree")
@requires(Permission.DISTRIBUTOR_VIEW)
def referral_tree() -> ResponseReturnValue:
    """From the top, or from one member with everybody above."""
    q = request.args.get("q", "").strip()[:40]
    at = web.whole_number(request.args.get("at", ""))
    found = distribution.find_members(q) if q else []
    if len(found) == 1:
        at = found[0].id
    if at is not None:
        return _from_member(members.get(at), q)
    page = None if q else heads.tops(before=web.page_before())
    shown: Sequence[Member] = found
    if page is not None:
        known = members.names_of(row.member_id for row in page.items)
        shown = [known[row.member_id] for row in page.items]
    return render_template(
        "admin/distributor_tree.html",
        q=q,
        member=None,
        path=[],
        pager=lists.pager(page) if page else None,
        may_export=auth.allowed(Permission.DISTRIBUTOR_EXPORT),
        after="",
        **_nodes([(row, None) for row in shown]),
    )


@bp.get("/distributors/tree/<int:member_id>")
@requires(Permission.DISTRIBUTOR_VIEW)
def referral_tree_below(member_id: int) -> ResponseReturnValue:
    """The people directly below a member, for the page to unfold."""
    return render_template("admin/_tree_rows.html", **_below(members.get(member_id)))


@bp.post("/distributors/tree/export")
@requires(Permission.DISTRIBUTOR_EXPORT)
def referral_tree_export() -> ResponseReturnValue:
    """Heads by level, of the whole tree and of every distributor (compliance.md)."""
    now = clock.now()
    run_unit(
        audit.record,
        "distributor.export",
        subject="tree",
        subject_id=0,
        actor=auth.actor(),
        now=now,
    )
    return export.csv_stream(
        f"归属树人数-{clock.local(now):%Y-%m-%d}.csv",
        ["范围", "会员编号", "分销员", "状态", "等级", "层级", "人数"],
        _rows(),
    )


def _rows() -> Iterator[Sequence[object]]:
    for level, count in heads.whole():
        # Roots are the first level of the tree; below a distributor, the first is who is direct.
        yield ["整个归属树", "", "", "", "", level + 1, count]
    for row in heads.by_distributor():
        yield [
            "顶层分销员的下级" if row.is_top else "分销员的下级（三级以内）",
            row.member.public_id,
            row.member.display_name,
            words.people.DISTRIBUTOR[row.standing.status][0],
            level_name(row.standing.level),
            row.level,
            row.count,
        ]
    db.session.rollback()


def _from_member(member: Member, q: str) -> str:
    above = heads.path(member)
    named = members.names_of(above)
    return render_template(
        "admin/distributor_tree.html",
        q=q,
        path=[named[one] for one in above],
        pager=None,
        standing=distribution.distributor_of(member.id),
        own_count=heads.direct_counts([member.id]).get(member.id, 0),
        may_export=auth.allowed(Permission.DISTRIBUTOR_EXPORT),
        **_below(member),
    )


def _below(member: Member) -> dict[str, Any]:
    page = team.page(member.id, 1, after=request.args.get("after", "")[:40])
    return {
        "member": member,
        "after": page.after,
        **_nodes([(row.member, row) for row in page.items]),
    }


def _nodes(rows: Sequence[tuple[Member, Any]]) -> dict[str, Any]:
    ids = [member.id for member, _ in rows]
    return {
        "nodes": rows,
        "direct": heads.direct_counts(ids),
        "standings": {row.member_id: row for row in distribution.distributors_of(ids)},
    }
