"""Vouchers of payouts by hand (打款凭证): checked by content, sealed, for the desk alone."""

import base64
import hashlib
import io
from datetime import datetime

from PIL import Image

from app import audit
from app.catalog import media
from app.core.db import db, require_transaction
from app.core.errors import InvalidInput, NotFound
from app.withdrawals.payee_models import PayoutVoucher

PDF, PICTURE = "application/pdf", "image/jpeg"
PDF_BYTES_MAX = 1024 * 1024
# Wide enough to read the smallest print of a bank's slip.
PICTURE_SIDE = 1800


def read(data: bytes) -> tuple[bytes, str]:
    """An uploaded voucher as it is kept, and its kind.

    A picture is encoded anew, as every upload is (`catalog.media`). A PDF is kept as
    it came: it is never shown inside of a page, only handed out as a file.

    Raises InvalidInput naming `voucher`.
    """
    if not data:
        raise InvalidInput("voucher", "请上传打款回单，图片或 PDF")
    if data.startswith(b"%PDF-"):
        if len(data) > PDF_BYTES_MAX:
            raise InvalidInput("voucher", "PDF 不能超过 1 MB")
        if b"%%EOF" not in data[-1024:]:
            raise InvalidInput("voucher", "PDF 不完整，请重新上传")
        return data, PDF
    try:
        picture = media.read(data)
    except InvalidInput as error:
        raise InvalidInput("voucher", error.message.replace("WebP", "WebP 图片，或 PDF")) from error
    flat = Image.new("RGB", picture.size, "white")
    clear = picture.convert("RGBA")
    flat.paste(clear, mask=clear)
    flat.thumbnail((PICTURE_SIDE, PICTURE_SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    flat.save(out, "JPEG", quality=82, optimize=True)
    return out.getvalue(), PICTURE


def keep(content: bytes, kind: str, *, actor: audit.Actor, now: datetime) -> PayoutVoucher:
    """Seal what `read` gave."""
    require_transaction()
    row = PayoutVoucher(
        content=base64.b64encode(content).decode(),
        kind=kind,
        sha256=hashlib.sha256(content).hexdigest(),
        uploaded_by=actor.ref,
        uploaded_at=now,
    )
    db.session.add(row)
    db.session.flush()
    return row


def opened(voucher_id: int, *, actor: audit.Actor, now: datetime) -> tuple[bytes, str]:
    """A voucher and its kind, for a person at the desk; who looked is written down.

    Raises NotFound.
    """
    require_transaction()
    row = db.session.get(PayoutVoucher, voucher_id)
    if row is None or not row.content:
        raise NotFound("凭证不存在")
    audit.record(
        "payout_voucher.open", subject="payout_voucher", subject_id=row.id, actor=actor, now=now
    )
    return base64.b64decode(row.content), row.kind
