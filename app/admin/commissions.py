"""Commissions with their "why"."""

import json

from flask import render_template
from flask.typing import ResponseReturnValue

from app import commission, ledger, members, orders
from app.admin import lists, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.commission import CommissionStatus
from app.core import web

_TABS = [("", "全部"), *((s.value, words.COMMISSION[s][0]) for s in CommissionStatus)]


@bp.get("/commissions")
@requires(Permission.COMMISSION_VIEW)
def commissions() -> ResponseReturnValue:
    state = lists.chosen(_TABS)
    page = commission.commissions_page(
        CommissionStatus(state) if state else None, before=web.page_before()
    )
    counts = {status.value: count for status, count in commission.open_counts().items()}
    return render_template(
        "admin/commissions.html",
        page=page,
        rhythm=commission.cycles.in_force(),
        pager=lists.pager(page),
        tabs=lists.tabs(_TABS, state, counts),
        members=members.names_of(row.member_id for row in page.items),
        orders=orders.by_ids(row.order_id for row in page.items),
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
