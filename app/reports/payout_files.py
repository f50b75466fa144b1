"""The files by which a bank or Alipay is told whom to pay (打款文件): full numbers, all of it text.

The same batch always makes the same bytes, so that a file can be told by its hash.
"""

import csv
import io
from collections.abc import Sequence
from decimal import Decimal

import xlsxwriter

from app.core.export import cell
from app.core.money import plain_yuan
from app.withdrawals import Channel, LineState, PayoutBatch, batches

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KINDS = {"xlsx": XLSX, "csv": "text/csv"}
_HEAD = {
    Channel.BANK: (("序号", 6), ("收款人", 16), ("银行卡号", 24), ("开户银行", 20)),
    Channel.ALIPAY: (("序号", 6), ("收款人姓名", 16), ("支付宝账号", 30)),
}
_REST = (("金额（元）", 14), ("备注", 26))


def made(batch: PayoutBatch, kind: str) -> bytes:
    """What is still to be paid of a batch, as a file of this kind."""
    head = (*_HEAD[batch.channel], *_REST)
    rows = _rows(batch)
    return _xlsx(batch, head, rows) if kind == "xlsx" else _csv(head, rows)


def _rows(batch: PayoutBatch) -> list[tuple[Sequence[str], int, str]]:
    """The texts before the amount, the amount in fen, and the remark, line by line."""
    rows: list[tuple[Sequence[str], int, str]] = []
    for at, item in enumerate(batches.items(batch.id), 1):
        if item.line.state is not LineState.WAITING or item.payee is None:
            continue
        texts = [str(at), item.payee.holder, item.payee.account]
        if batch.channel is Channel.BANK:
            texts.append(item.payee.bank_name)
        rows.append((texts, item.line.amount_fen, f"佣金提现 {item.withdrawal.number}"))
    return rows


def _csv(head: Sequence[tuple[str, int]], rows: list[tuple[Sequence[str], int, str]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([title for title, _ in head])
    for texts, fen, remark in rows:
        # Behind a tab a spreadsheet keeps all digits of a card; banks cut it off.
        shown = [f"{text}\t" if len(text) > 15 and text.isdigit() else text for text in texts]
        writer.writerow([*(cell(text) for text in shown), plain_yuan(fen), cell(remark)])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _xlsx(
    batch: PayoutBatch,
    head: Sequence[tuple[str, int]],
    rows: list[tuple[Sequence[str], int, str]],
) -> bytes:
    out = io.BytesIO()
    # No text becomes a formula, a link or a rounded number, whatever it says.
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties({"created": batch.made_at.replace(tzinfo=None)})
        sheet = book.add_worksheet(batch.number)
        bold = book.add_format({"bold": True})
        money = book.add_format({"num_format": "#,##0.00"})
        for column, (title, width) in enumerate(head):
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, title, bold)
        sheet.freeze_panes(1, 0)
        for line, (texts, fen, remark) in enumerate(rows, 1):
            for column, text in enumerate(texts):
                sheet.write_string(line, column, text)
            sheet.write_number(line, len(texts), Decimal(fen).scaleb(-2), money)
            sheet.write_string(line, len(texts) + 1, remark)
    return out.getvalue()
