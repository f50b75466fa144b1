"""Commissions with their "why", and the plans they come from."""

import json

from flask import render_template
from flask.typing import ResponseReturnValue

from app import catalog, commission, ledger, members, orders
from app.admin import lists, people, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.commission import CommissionStatus, PlanVersion
from app.core import clock, web
from app.distribution import levels

_TABS = [("", "全部"), *((s.value, words.COMMISSION[s][0]) for s in CommissionStatus)]


@bp.get("/commissions")
@requires(Permission.COMMISSION_VIEW)
def commissions() -> ResponseReturnValue:
    state = lists.chosen(_TABS)
    page = commission.commissions_page(
        CommissionStatus(state) if state else None, before=web.page_before()
    )
    counts = {status.value: count for status, count in commission.counts_by_status().items()}
    return render_template(
        "admin/commissions.html",
        page=page,
        pager=lists.pager(page),
        tabs=lists.tabs(_TABS, state, counts | {"": sum(counts.values())}),
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


@bp.get("/plans")
@requires(Permission.COMMISSION_VIEW)
def plans() -> ResponseReturnValue:
    page = commission.plans_page(before=web.page_before())
    in_force = commission.plan_in_force(clock.now())
    current = in_force[0] if in_force else None
    return render_template(
        "admin/plans.html",
        page=page,
        pager=lists.pager(page),
        current=current,
        plan=_readable(current) if current else None,
        authors=people.names(
            ref for row in page.items for ref in (row.drafted_by, row.published_by)
        ),
    )


@bp.get("/plans/<int:plan_id>", endpoint="plan")
@requires(Permission.COMMISSION_VIEW)
def one_plan(plan_id: int) -> ResponseReturnValue:
    version = commission.plan_version(plan_id)
    return render_template(
        "admin/plan.html",
        version=version,
        plan=_readable(version),
        authors=people.names([version.drafted_by, version.published_by]),
        document=json.dumps(version.document, ensure_ascii=False, indent=2),
    )


def _readable(version: PlanVersion) -> dict[str, object]:
    """A plan's document as rows of words for the table of its rates."""
    doc = version.document
    names = levels.names()
    categories, products = _names(doc)
    tables = [("全部商品", "默认", doc.get("default", {}))]
    tables += [
        ("等级", names.get(level, level), table) for level, table in doc.get("levels", {}).items()
    ]
    tables += [
        ("分类", categories.get(int(key), f"分类 {key}"), table)
        for key, table in doc.get("categories", {}).items()
    ]
    tables += [
        ("商品", products.get(int(key), f"商品 {key}"), table)
        for key, table in doc.get("products", {}).items()
    ]
    depths = list(range(1, int(doc.get("depth_cap", 1)) + 1))
    return {
        "depths": depths,
        "rows": [
            {
                "kind": kind,
                "name": name,
                "excluded": bool(table.get("excluded")),
                "rates": [
                    words.rate(table[str(depth)]) if str(depth) in table else "" for depth in depths
                ],
            }
            for kind, name, table in tables
        ],
        "facts": words.plan_facts(doc),
    }


def _names(doc: dict[str, dict[str, object]]) -> tuple[dict[int, str], dict[int, str]]:
    titles = catalog.titles_of(int(key) for key in doc.get("products", {}))
    return {row.id: row.name for row in catalog.categories()}, titles
