"""The distributor's corner (分销中心): codes, commissions, team."""

from collections.abc import Sequence
from typing import Any

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import (
    catalog,
    commission,
    content,
    distribution,
    ledger,
    members,
    orders,
    risk,
    settings,
)
from app.commission import Commission
from app.core import clock, web
from app.core.errors import NotFound
from app.distribution import DistributorStatus, ReferralCode, levels, pictures
from app.distribution.levels import wording
from app.mall import joining, scenes, words
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp, shop_settings
from app.mall.team import depth_in_force

# WeChat's temporary codes end; a new one is made while the old one still works.
NEWEST = 5


@bp.get("/me/distribution")
@members_only
def distribution_centre() -> ResponseReturnValue:
    member_id = current_member().id
    standing = distribution.distributor_of(member_id)
    if standing is None or standing.status is not DistributorStatus.APPROVED:
        return joining.page(None)
    newest = commission.commissions_of(member_id, size=NEWEST).items
    expected = commission.expected_next(member_id, size=NEWEST)
    return render_template(
        "mall/distribution.html",
        summary=commission.summary_of(member_id, clock.now()),
        wallet=ledger.wallet_of(member_id),
        newest=newest,
        expected=expected,
        team=sum(distribution.team_counts(member_id, depth_in_force())),
        level=commission.standing.standing_of(standing, now=clock.now()),
        titles=levels.METRIC_TITLES,
        wording=wording,
        has_bonuses=commission.bonus.queries.has_any(),
        to_read=content.sharing.unread_required(member_id),
        **row_facts([*newest, *expected]),
    )


@bp.get("/me/distribution/level")
@members_only
def my_level() -> ResponseReturnValue:
    found = distribution.distributor_of(current_member().id)
    if found is None or found.status is not DistributorStatus.APPROVED:
        return redirect(url_for("mall.distribution_centre"))
    ladder = levels.ladder()
    return render_template(
        "mall/level.html",
        found=found,
        level=commission.standing.standing_of(found, now=clock.now()),
        # What is switched off is nobody's goal; what one stands on is shown in any case.
        ladder=[row for row in ladder.levels if row.is_active or row.code == found.level],
        reachable={row.code for row in ladder.reachable(ladder.base.code)},
        titles=levels.METRIC_TITLES,
        wording=wording,
    )


# --- my code -----------------------------------------------------------------------


@bp.get("/me/distribution/code")
@members_only
def my_code() -> ResponseReturnValue:
    """The member's own, or with `product` that of one product."""
    code, product = _my_code(), _product_asked()
    if code is None:
        return redirect(url_for("mall.distribution_centre"))
    link, text = _link(code, product), code.code
    scene = scenes.of_product(code, product.id) if product is not None else scenes.of_code(code)
    return render_template(
        "mall/code.html", code=text, link=link, product=product, scene_picture=scene
    )


@bp.get("/me/distribution/code.png")
@members_only
def my_code_picture() -> ResponseReturnValue:
    code = _my_code()
    if code is None:
        raise NotFound("还没有推广码")
    data = pictures.qr_png(_link(code, _product_asked()), size=600)
    response = Response(data, mimetype="image/png")
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


def _my_code() -> ReferralCode | None:
    return distribution.sharing_code(current_member().id)


def _product_asked() -> catalog.Product | None:
    product_id = web.whole_number(request.args.get("product", ""))
    return None if product_id is None else catalog.product_for_sale(product_id, now=clock.now())


def _link(code: ReferralCode, product: catalog.Product | None) -> str:
    to = url_for("mall.product", product_id=product.id) if product is not None else None
    return f"{web.settings().public_base_url}{url_for('mall.referral', code=code.code, to=to)}"


# --- commissions -------------------------------------------------------------------


@bp.get("/me/distribution/commissions")
@members_only
def my_commissions() -> ResponseReturnValue:
    asked = request.args.get("tab", "")
    tab, statuses = next(
        ((key, wanted) for key, _, wanted in words.commissions.COMMISSION_TABS if key == asked),
        ("", ()),
    )
    page = commission.commissions_of(
        current_member().id, statuses or None, before=web.page_before()
    )
    return render_template("mall/commissions.html", page=page, tab=tab, **row_facts(page.items))


@bp.get("/me/distribution/commissions/<int:commission_id>")
@members_only
def commission_page(commission_id: int) -> ResponseReturnValue:
    row = commission.commission_of(current_member().id, commission_id)
    facts = row_facts([row])
    order = facts["orders"][row.order_id]
    line = next(line for line in order.lines if line.id == row.order_line_id)
    return render_template(
        "mall/commission.html",
        row=row,
        order=order,
        line=line,
        is_profit=commission.plan_version(row.plan_id).document.get("base") == "profit",
        **facts,
    )


def row_facts(rows: Sequence[Commission]) -> dict[str, Any]:
    """What rows of commissions show besides themselves: their orders and buyers."""
    found = orders.by_ids(row.order_id for row in rows)
    return {
        "orders": found,
        "buyers": members.names_of(order.member_id for order in found.values()),
        # All rows of a page are one member's.
        "is_checked": bool(rows) and risk.is_held(rows[0].member_id),
        "paid_when": words.commissions.PaidWhen(
            commission.cycles.in_force(),
            int(shop_settings()[settings.registry.GUARD_DAYS.key]),
        ),
        "words": words,
    }
