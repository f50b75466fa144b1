"""The lists of invoices, reviews and batches of payouts by hand."""

from collections.abc import Sequence

from app import members, orders, reviews
from app.admin import people, words
from app.admin.models import Permission
from app.admin.tables import masks
from app.admin.tables.kinds import Column, Facts, Given, Kind, Listing, Personal
from app.core.db import Rows
from app.orders import InvoiceRequest, InvoiceStatus, TitleKind, invoices
from app.reviews import Review, ReviewStatus
from app.withdrawals import LineState, PayoutBatch, batches


def _invoices(given: Given) -> Rows:
    state = given.get("state", "")
    known = {str(status) for status in InvoiceStatus}
    return invoices.desk(InvoiceStatus(state) if state in known else None)


def _invoice_facts(rows: Sequence[InvoiceRequest]) -> Facts:
    return {
        "orders": orders.by_ids(row.order_id for row in rows),
        "members": members.names_of(row.member_id for row in rows),
    }


def _title_masked(row: InvoiceRequest, _facts: Facts) -> str:
    """A company's name is no secret; a person's is."""
    is_person = row.title_kind is TitleKind.PERSONAL
    return masks.mask_name(row.title) if is_person else row.title


def _buyer(row: InvoiceRequest | Review, facts: Facts) -> str:
    found = facts["members"].get(row.member_id)
    return found.display_name if found else ""


INVOICES = Listing(
    name="invoices",
    title="发票",
    endpoint="admin.invoices",
    permission=Permission.ORDER_VIEW,
    key=InvoiceRequest.id,
    filters=("state",),
    query=_invoices,
    facts=_invoice_facts,
    columns=(
        Column("order", "订单号", lambda row, facts: facts["orders"][row.order_id].number),
        Column(
            "title",
            "抬头",
            lambda row, _: row.title,
            personal=Personal.NAME,
            masked=_title_masked,
        ),
        Column(
            "kind",
            "类型",
            lambda row, _: "个人" if row.title_kind is TitleKind.PERSONAL else "单位",
            is_shown=False,
        ),
        Column("tax", "税号", lambda row, _: row.tax_number),
        Column("buyer", "买家", _buyer),
        Column("amount", "金额", lambda row, _: row.amount_fen, Kind.MONEY),
        Column("number", "发票号码", lambda row, _: row.invoice_number, is_shown=False),
        Column("note", "退回原因", lambda row, _: row.note, is_shown=False),
        Column("created", "申请", lambda row, _: row.created_at, Kind.TIME, by=InvoiceRequest.id),
        Column("handled", "处理时间", lambda row, _: row.handled_at, Kind.TIME, is_shown=False),
        Column("status", "状态", lambda row, _: words.word(words.orders.INVOICE, row.status)[0]),
    ),
)


def _reviews(given: Given) -> Rows:
    state, stars = given.get("state", ""), given.get("stars", "")
    known = {str(status) for status in ReviewStatus}
    return reviews.desk(
        ReviewStatus(state) if state in known else None,
        stars=int(stars) if stars in ("1", "2", "3", "4", "5") else None,
        title=given.get("title", ""),
    )


def _review_facts(rows: Sequence[Review]) -> Facts:
    return {
        "members": members.names_of(row.member_id for row in rows),
        "orders": orders.by_ids(row.order_id for row in rows),
        "called": people.names(row.replied_by for row in rows),
    }


REVIEWS = Listing(
    name="reviews",
    title="商品评价",
    endpoint="admin.reviews",
    permission=Permission.PRODUCT_VIEW,
    key=Review.id,
    filters=("state", "stars", "title"),
    query=_reviews,
    facts=_review_facts,
    columns=(
        Column("text", "评价", lambda row, _: row.text),
        Column("stars", "星级", lambda row, _: row.stars, Kind.NUMBER, is_shown=False),
        Column("followup", "追评", lambda row, _: row.followup_text, is_shown=False),
        Column("product", "商品", lambda row, _: row.title),
        Column("sku", "规格", lambda row, _: row.sku_name, is_shown=False),
        Column(
            "order",
            "订单号",
            lambda row, facts: facts["orders"][row.order_id].number,
            is_shown=False,
        ),
        Column("buyer", "买家", _buyer),
        Column("reply", "回复", lambda row, _: row.reply, is_shown=False),
        Column(
            "replier",
            "回复人",
            lambda row, facts: facts["called"].get(row.replied_by, ""),
            is_shown=False,
        ),
        Column("created", "时间", lambda row, _: row.created_at, Kind.TIME, by=Review.id),
        Column("status", "状态", lambda row, _: words.word(words.shop.REVIEW, row.status)[0]),
    ),
)


def _batch_facts(rows: Sequence[PayoutBatch]) -> Facts:
    return {
        "sums": batches.sums([row.id for row in rows]),
        "called": people.names(ref for row in rows for ref in (row.made_by, row.filed_by)),
    }


def _lines(row: PayoutBatch, facts: Facts, state: LineState) -> int:
    return int(facts["sums"].get(row.id, {}).get(state, (0, 0))[0])


PAYOUT_BATCHES = Listing(
    name="payout-batches",
    title="打款批次",
    endpoint="admin.payout_batches",
    permission=Permission.WITHDRAWAL_VIEW,
    key=PayoutBatch.id,
    filters=("channel",),
    query=lambda given: batches.desk(given.get("channel", "")),
    facts=_batch_facts,
    columns=(
        Column("number", "批次", lambda row, _: row.number),
        Column("channel", "方式", lambda row, _: words.payouts.CHANNEL[row.channel]),
        Column("lines", "笔数", lambda row, _: row.line_count, Kind.NUMBER),
        Column("total", "金额", lambda row, _: row.total_fen, Kind.MONEY),
        Column(
            "waiting",
            "待登记",
            lambda row, facts: _lines(row, facts, LineState.WAITING),
            Kind.NUMBER,
        ),
        Column(
            "paid",
            "已付款",
            lambda row, facts: _lines(row, facts, LineState.PAID),
            Kind.NUMBER,
            is_shown=False,
        ),
        Column("made", "生成时间", lambda row, _: row.made_at, Kind.TIME, by=PayoutBatch.id),
        Column("maker", "经办", lambda row, facts: facts["called"].get(row.made_by, "")),
        Column("filed", "下载时间", lambda row, _: row.filed_at, Kind.TIME, is_shown=False),
        Column(
            "filer",
            "下载人",
            lambda row, facts: facts["called"].get(row.filed_by, ""),
            is_shown=False,
        ),
    ),
)
