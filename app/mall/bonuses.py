"""A distributor's bonuses (返利奖励): how far in this period, and what earlier ones paid."""

from datetime import timedelta

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app import distribution, ledger, risk, settings
from app.commission import bonus
from app.core import clock, web
from app.distribution import DistributorStatus, levels
from app.ledger import AccountKind
from app.mall import words
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp, shop_settings


@bp.get("/me/distribution/bonuses")
@members_only
def my_bonuses() -> ResponseReturnValue:
    member_id = current_member().id
    found = distribution.distributor_of(member_id)
    if found is None:
        return redirect(url_for("mall.distribution_centre"))
    page = bonus.queries.results_of(member_id, before=web.page_before())
    is_active = found.status is DistributorStatus.APPROVED
    progress = bonus.queries.progress_of(member_id, clock.now()) if is_active else []
    points = ledger.balance_fen(AccountKind.POINTS, member_id)
    guard = timedelta(days=int(shop_settings()[settings.registry.GUARD_DAYS.key]))
    names = levels.names()
    return render_template(
        "mall/bonuses.html",
        progress=progress,
        conditions=[bonus.wording.conditions(row.program, names) for row in progress],
        # The last day is the one before the next period's first.
        last_days=[row.span.end - timedelta(days=1) for row in progress],
        computed_on=[row.span.end + guard for row in progress],
        page=page,
        rows=bonus.queries.with_facts(page.items),
        points=points,
        shows_points=points > 0
        or any(row.program.reward is bonus.rules.Reward.POINTS for row in progress),
        wording=bonus.wording,
        words=words,
    )


@bp.get("/me/distribution/bonuses/<int:result_id>")
@members_only
def bonus_page(result_id: int) -> ResponseReturnValue:
    """Why this amount, line by line."""
    member_id = current_member().id
    row = bonus.queries.result_of(member_id, result_id)
    [found] = bonus.queries.with_facts([row])
    return render_template(
        "mall/bonus.html",
        row=row,
        found=found,
        span=bonus.runs.span_of(found.run),
        corrections=bonus.corrections.corrections_of(result_id),
        is_checked=risk.is_held(member_id),
        wording=bonus.wording,
        words=words,
    )
