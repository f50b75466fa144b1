"""Invoices (发票): a member asks, an admin issues them elsewhere and notes the number."""

import re
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from stdnum.cn import uscc

from app import audit
from app.core.db import Rows, db, require_transaction
from app.core.errors import IllegalMove, InvalidInput, NotFound
from app.core.rows import add_once, lock_one
from app.orders import states
from app.orders.extras import INVOICE_TRANSITIONS, InvoiceRequest, InvoiceStatus, TitleKind

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,20}", re.ASCII)
# A number of the old form has 8 digits, that of a digital invoice 20.
_NUMBER = re.compile(r"\d{8}|\d{20}", re.ASCII)


@dataclass(frozen=True)
class InvoiceInput:
    """What a person typed to get an invoice."""

    title_kind: str
    title: str
    tax_number: str
    email: str

    def checked(self) -> "InvoiceInput":
        """Trimmed and valid; a person's has no tax number.

        A company's number is the unified social credit code with its check digit
        (统一社会信用代码, GB 32100-2015). Raises InvalidInput naming the field.
        """
        if self.title_kind not in set(TitleKind):
            raise InvalidInput("title_kind", "请选择抬头类型")
        title = " ".join(self.title.split())
        if not title:
            raise InvalidInput("title", "请填写发票抬头")
        if len(title) > 60:
            raise InvalidInput("title", "发票抬头最多 60 个字")
        number = ""
        if self.title_kind == TitleKind.COMPANY:
            number = "".join(self.tax_number.split()).upper()
            if not number:
                raise InvalidInput("tax_number", "请填写单位税号")
            if not uscc.is_valid(number):
                raise InvalidInput("tax_number", "税号不正确，请核对 18 位统一社会信用代码")
        email = self.email.strip()
        if not _EMAIL.fullmatch(email):
            raise InvalidInput("email", "请填写接收发票的邮箱")
        return InvoiceInput(self.title_kind, title, number, email)


def request(
    order_id: int, given: InvoiceInput, *, actor: audit.Actor, now: datetime
) -> InvoiceRequest:
    """Ask for an invoice of a paid order, or again after a refusal (申请发票).

    Raises:
        InvalidInput: what was typed cannot be.
        IllegalMove: it is not paid, or an invoice was asked for already.
    """
    clean = given.checked()
    order = states.locked(order_id)
    if not order.is_paid:
        raise IllegalMove("付款后才能申请发票", state=order.status.value)
    row = of_order(order_id)
    facts = {**vars(clean), "title_kind": TitleKind(clean.title_kind)}
    if row is None:
        row = InvoiceRequest(
            order_id=order_id,
            member_id=order.member_id,
            status=InvoiceStatus.REQUESTED,
            amount_fen=order.payable_fen,
            created_at=now,
            **facts,
        )
        if not add_once(row):
            raise IllegalMove("已经申请过发票")
        audit.record_move(
            "invoice", row.id, from_state="", to_state=row.status.value, actor=actor, now=now
        )
        return row
    _move(row, InvoiceStatus.REQUESTED, actor=actor, now=now)
    for name, value in facts.items():
        setattr(row, name, value)
    row.note, row.handled_at, row.created_at = "", None, now
    return row


def issue(request_id: int, *, number: str, actor: audit.Actor, now: datetime) -> InvoiceRequest:
    """Note that it was issued, with its number (已开票). Raises InvalidInput, IllegalMove."""
    row = _locked(request_id)
    number = "".join(number.split())
    if not _NUMBER.fullmatch(number):
        raise InvalidInput("number", "发票号码应为 8 位或 20 位数字")
    _move(row, InvoiceStatus.ISSUED, actor=actor, now=now)
    row.invoice_number, row.handled_at = number, now
    _record("invoice.issue", row, actor, now, {"number": number})
    return row


def refuse(request_id: int, *, note: str, actor: audit.Actor, now: datetime) -> InvoiceRequest:
    """Say why there will be none; the member may ask again. Raises InvalidInput, IllegalMove."""
    row = _locked(request_id)
    note = note.strip()
    if not 2 <= len(note) <= 200:
        raise InvalidInput("note", "请填写原因，2 到 200 个字，买家会看到")
    _move(row, InvoiceStatus.REFUSED, actor=actor, now=now)
    row.note, row.handled_at = note, now
    _record("invoice.refuse", row, actor, now, {"note": note})
    return row


def of_order(order_id: int) -> InvoiceRequest | None:
    return db.session.scalar(sa.select(InvoiceRequest).filter_by(order_id=order_id))


def invoice(request_id: int) -> InvoiceRequest:
    """For the admin panel. Raises NotFound."""
    found = db.session.get(InvoiceRequest, request_id)
    if found is None:
        raise NotFound("发票申请不存在")
    return found


def desk(status: InvoiceStatus | None) -> Rows:
    """Requests in a state, or all, as the panel's list reads them."""
    query: Rows = sa.select(InvoiceRequest)
    return query if status is None else query.where(InvoiceRequest.status == status)


def counts() -> dict[InvoiceStatus, int]:
    rows = db.session.execute(
        sa.select(InvoiceRequest.status, sa.func.count()).group_by(InvoiceRequest.status)
    )
    return dict(rows.all())


def _locked(request_id: int) -> InvoiceRequest:
    require_transaction()
    return lock_one(InvoiceRequest, request_id, "发票申请不存在")


def _move(row: InvoiceRequest, to: InvoiceStatus, *, actor: audit.Actor, now: datetime) -> None:
    if to not in INVOICE_TRANSITIONS[row.status]:
        raise IllegalMove(
            "发票已经申请，请等待商家开具"
            if to is InvoiceStatus.REQUESTED
            else "这份申请已经处理过"
        )
    audit.record_move(
        "invoice",
        row.id,
        from_state=row.status.value,
        to_state=to.value,
        actor=actor,
        now=now,
    )
    row.status = to


def _record(
    action: str, row: InvoiceRequest, actor: audit.Actor, now: datetime, after: dict[str, str]
) -> None:
    audit.record(action, subject="invoice", subject_id=row.id, actor=actor, now=now, after=after)
