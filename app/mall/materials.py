"""What distributors share and learn from: materials (素材) and training (培训)."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import catalog, distribution
from app.content import sharing
from app.content.sharing import Material
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import NotFound
from app.distribution import ReferralCode
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp


@bp.get("/me/distribution/materials")
@members_only
def my_materials() -> ResponseReturnValue:
    code = distribution.sharing_code(current_member().id)
    if code is None:
        return redirect(url_for("mall.distribution_centre"))
    category = request.args.get("category", "")[:10]
    page = sharing.materials_page(
        is_active=True, category=category, before=web.page_before(), size=10
    )
    products = catalog.products_by_id(row.product_id for row in page.items if row.product_id)
    return render_template(
        "mall/materials.html",
        page=page,
        category=category,
        categories=sharing.categories(),
        products=products,
        texts={row.id: f"{row.text}\n{_link(code, row)}" for row in page.items},
    )


def _link(code: ReferralCode, row: Material) -> str:
    to = url_for("mall.product", product_id=row.product_id) if row.product_id else None
    return f"{web.settings().public_base_url}{url_for('mall.referral', code=code.code, to=to)}"


@bp.get("/me/distribution/training")
@members_only
def training() -> ResponseReturnValue:
    if not _may_read():
        return redirect(url_for("mall.distribution_centre"))
    return render_template("mall/training.html", rows=sharing.articles_for(current_member().id))


@bp.get("/me/distribution/training/<int:article_id>")
@members_only
def article(article_id: int) -> ResponseReturnValue:
    if not _may_read():
        return redirect(url_for("mall.distribution_centre"))
    row = sharing.article_for(current_member().id, article_id)
    return render_template(
        "mall/article.html", row=row, text=catalog.richtext.clean(row.article.body)
    )


@bp.post("/me/distribution/training/<int:article_id>")
@members_only
def article_read(article_id: int) -> ResponseReturnValue:
    if not _may_read():
        raise NotFound("没有这篇文章，可能已被删除")
    run_unit(sharing.mark_read, current_member().id, article_id, now=clock.now())
    flash("已记为读完")
    return redirect(url_for("mall.training"), 303)


def _may_read() -> bool:
    return distribution.is_active(current_member().id)
