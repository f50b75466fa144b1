"""Commissions with their "why"."""

import json

from flask import render_template
from flask.typing import ResponseReturnValue

from app import commission, ledger, members, orders
from app.admin import lists, tables, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables.money import COMMISSIONS
from app.commission import CommissionStatus

_TABS = [("", "全部"), *((s.value, words.commissions.COMMISSION[s][0]) for s in CommissionStatus)]


@bp.get("/commissions")
@requires(Permission.COMMISSION_VIEW)
def commissions() -> ResponseReturnValue:
    if (led := tables.opening(COMMISSIONS)) is not None:
        return led
    state = lists.chosen(_TABS)
    counts = {status.value: count for status, count in commission.open_counts().items()}
    return render_template(
        "admin/commissions.html",
        table=tables.show(COMMISSIONS, state=state),
        tabs=lists.tabs(_TABS, state, counts),
    )


@bp.get("/commissions/<int:commission_id>", endpoint="commission")
@requires(Permission.COMMISSION_VIEW)
def one_commission(commission_id: int) -> ResponseReturnValue:
    """Why this amount: every input, the rule, and the result."""
    row = commission.commission_by_id(commission_id)
    order = orders.by_ids([row.order_id])[row.order_id]
    seats = orders.seats_of(order.id)
    plan = commission.plan_version(row.plan_id)
    return render_template(
        "admin/commission.html",
        row=row,
        rhythm=commission.cycles.in_force(),
        order=order,
        line=next(line for line in order.lines if line.id == row.order_line_id),
        seat=next((seat for seat in seats if seat.member_id == row.member_id), None),
        seats=seats,
        people=members.names_of({row.member_id, *(seat.member_id for seat in seats)}),
        plan=plan,
        line_cap_bps=plan.document.get("line_cap_bps", 0),
        rate_json=json.dumps(row.rate, ensure_ascii=False, indent=2),
        batch_posting=commission.batch_posting(row.batch_id) if row.batch_id else None,
        postings=[p for p in ledger.postings_of(("order", order.id)) if "commission" in p.event],
    )
