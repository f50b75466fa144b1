"""Statements and tax certificates (对账单、代扣凭证): pages, and files to keep."""

import secrets
from decimal import Decimal

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from app import commission, ledger, members, reports, tax
from app.core import clock, export, web
from app.core.errors import NotFound
from app.core.money import format_yuan
from app.mall import words
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp, shop_settings
from app.mall.distribution import row_facts
from app.mall.limits import limited
from app.mall.shop import file_view
from app.reports import pdf
from app.reports.certificates import certificate
from app.settings import registry

# WeChat's own browser saves no files: the link works in any browser, for so long.
LINK_SECONDS = 600
_HEAD = (
    "时间",
    "事项",
    "说明",
    "入账",
    "收回",
    "余额支付",
    "提现到账",
    "代扣税",
    "手续费",
    "变动",
    "余额",
)


@bp.get("/me/wallet/statements")
@members_only
def statement_list() -> ResponseReturnValue:
    member_id, now = current_member().id, clock.now()
    return render_template(
        "mall/statements.html",
        months=reports.statements.months(member_id, now),
        years=reports.statements.tax_years(member_id),
    )


@bp.get("/me/wallet/statements/<month>")
@members_only
def statement(month: str) -> ResponseReturnValue:
    member_id = current_member().id
    made = reports.statements.statement(member_id, month, clock.now())
    return render_template(
        "mall/statement.html", made=made, wallet=ledger.wallet_of(member_id), words=words
    )


@bp.get("/me/wallet/settlements/<int:posting_id>")
@members_only
def settlement(posting_id: int) -> ResponseReturnValue:
    """What one settlement brought: the reason of a statement's line."""
    page = commission.settled_by(current_member().id, posting_id, before=web.page_before())
    if not page.items:
        raise NotFound("没有这次结算")
    return render_template(
        "mall/settlement.html", page=page, posting_id=posting_id, **row_facts(page.items)
    )


# --- files -------------------------------------------------------------------------


@bp.post("/me/wallet/statements/<month>/link")
@members_only
def statement_link(month: str) -> ResponseReturnValue:
    """Links to the month's files that any browser opens."""
    member_id, now = current_member().id, clock.now()
    reports.statements.statement(member_id, month, now)
    return _link_page(
        "statement", month, f"{_month_said(month)}对账单", url_for("mall.statement", month=month)
    )


@bp.post("/me/wallet/tax/<year>/link")
@members_only
def certificate_link(year: str) -> ResponseReturnValue:
    if year not in {row.year for row in reports.statements.tax_years(current_member().id)}:
        raise NotFound("这一年没有已到账的提现")
    return _link_page("tax", year, f"{year} 年代扣凭证", url_for("mall.statement_list"))


@bp.get("/data/<token>/statement.pdf")
@file_view
@limited("statement", 20)
def statement_pdf(token: str) -> ResponseReturnValue:
    member_id, month = _claimed(token, "statement")
    now = clock.now()
    made = reports.statements.statement(member_id, month, now)
    member = members.get(member_id)
    facts = [
        ("会员", member.display_name),
        ("会员编号", member.public_id),
        ("期初余额", _yuan(made.opening_fen)),
        ("期末余额", _yuan(made.closing_fen)),
        ("入账", _yuan(made.earned_fen)),
        ("收回", _yuan(made.reversed_fen)),
        ("余额支付", _yuan(made.spent_fen)),
        ("提现到账", _yuan(made.withdrawn_fen)),
        ("代扣税", _yuan(made.tax_fen)),
        ("手续费", _yuan(made.fee_fen)),
    ]
    rows = [
        [web.short_time(line.at), *_said(line), *(_figure(fen) for fen in _parts(line))]
        for line in made.lines
    ]
    table = pdf.Table("明细", _HEAD, rows, (18, 20, 32, 17, 15, 17, 17, 15, 14, 17, 18), _FIGURES)
    content = pdf.document(
        f"{_month_said(month)}对账单",
        shop=_shop(),
        facts=facts,
        tables=[table] if rows else [],
        notes=[_WHAT_COUNTS] if rows else ["本月没有收支。", _WHAT_COUNTS],
        made_at=web.full_time(now),
        now=now,
        is_wide=True,
    )
    return export.download(f"对账单-{month}.pdf", content, "application/pdf")


@bp.get("/data/<token>/statement.csv")
@file_view
@limited("statement", 20)
def statement_csv(token: str) -> ResponseReturnValue:
    member_id, month = _claimed(token, "statement")
    made = reports.statements.statement(member_id, month, clock.now())
    sums = (
        *(made.earned_fen, made.reversed_fen, made.spent_fen),
        *(made.withdrawn_fen, made.tax_fen, made.fee_fen),
    )
    empty = [""] * 7
    rows = [
        [f"{month} 期初", "期初余额", "", *empty, _plain(made.opening_fen)],
        *(
            [web.full_time(line.at), *_said(line), *(_plain(fen) for fen in _parts(line))]
            for line in made.lines
        ),
        [
            f"{month} 期末",
            "合计与期末余额",
            "",
            *(_plain(fen) for fen in (*sums, sum(sums))),
            _plain(made.closing_fen),
        ],
    ]
    return export.csv_file(f"对账单-{month}.csv", _HEAD, rows)


@bp.get("/data/<token>/certificate.pdf")
@file_view
@limited("statement", 20)
def certificate_pdf(token: str) -> ResponseReturnValue:
    member_id, year = _claimed(token, "tax")
    now = clock.now()
    content = certificate(
        member_id, year, shop=_shop(), identity=tax.identity_of(member_id), now=now
    )
    return export.download(f"代扣凭证-{year}.pdf", content, "application/pdf")


_FIGURES = frozenset(range(3, 11))
_WHAT_COUNTS = (
    "余额是已结算的可提现与提现中金额之和，减去待追回；提现在到账时计出。"
    "期初余额加本月各项等于期末余额。"
)


def _link_page(kind: str, of: str, title: str, back: str) -> str:
    token = secrets.token_hex(24)
    web.cache().set(f"file:{token}", f"{kind}:{current_member().id}:{of}", LINK_SECONDS)
    base = web.settings().public_base_url
    views = (
        [(" PDF ", "mall.statement_pdf"), ("表格", "mall.statement_csv")]
        if kind == "statement"
        else [(" PDF ", "mall.certificate_pdf")]
    )
    links = [(label, f"{base}{url_for(view, token=token)}") for label, view in views]
    return render_template(
        "mall/file_link.html", links=links, title=title, back=back, minutes=LINK_SECONDS // 60
    )


def _claimed(token: str, kind: str) -> tuple[int, str]:
    """Whose file it is, and of which month or year. Raises NotFound."""
    found = web.cache().get(f"file:{token}") if token.isalnum() else None
    known, _, rest = str(found or "").partition(":")
    member_id, _, of = rest.partition(":")
    if known != kind or not member_id.isdigit():
        raise NotFound("链接已失效，请回到商城重新生成")
    return int(member_id), of


def _said(line: reports.Line) -> tuple[str, str]:
    """What moved the money and where it is explained, as plain words."""
    return words.wallet.event_title(
        line.event, line.change_fen, line.reason
    ), words.wallet.line_reason(line)


def _parts(line: reports.Line) -> tuple[int, ...]:
    return (
        line.earned_fen,
        line.reversed_fen,
        line.spent_fen,
        line.withdrawn_fen,
        line.tax_fen,
        line.fee_fen,
        line.change_fen,
        line.balance_fen,
    )


def _shop() -> str:
    return str(shop_settings()[registry.SHOP_NAME.key])


def _month_said(month: str) -> str:
    return f"{month[:4]} 年 {int(month[5:])} 月"


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}¥{format_yuan(abs(fen))}"


def _figure(fen: int) -> str:
    return format_yuan(fen) if fen else ""


def _plain(fen: int) -> Decimal:
    """Yuan as a number: a text with a minus would be taken for a formula."""
    return Decimal(fen).scaleb(-2)
