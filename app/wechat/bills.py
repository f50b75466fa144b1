"""Bills of WeChat Pay (对账单): wechat.md, section 8, "Bills"."""

import gzip
import io
import zlib
from datetime import date
from typing import Any

import requests

from app.reconciliation import BillKind, BillNotReady, BillRefused, BillUnclear, RawBill
from app.wechat import transport
from app.wechat.pay import Answer, Pay, Unclear
from app.wechat.shapes import NotAnAnswer, text

# A day of a million rows is some 250 MB; more is no bill.
FILE_BYTES_MAX = 512 * 1024 * 1024
DOWNLOAD_SECONDS = 300
_NOTHING = "NO_STATEMENT_EXIST"
# Still being made; a day that is not over, or too long ago.
_NOT_READY = frozenset({"STATEMENT_CREATING", "INVALID_REQUEST"})


class Bills:
    """Implements `reconciliation.BillSource`."""

    def __init__(self, pay: Pay) -> None:
        self._pay = pay

    def fetch(self, kind: BillKind, day: date) -> RawBill | None:
        """Raises BillNotReady, BillUnclear, BillRefused."""
        library = self._pay.library
        ask = library.trade_bill if kind is BillKind.TRADE else library.fundflow_bill
        # Both ask for a gzip; whoever is given a plain file all the same reads it, too.
        answer = self._call(lambda: ask(bill_date=day.isoformat()))
        if answer.code == _NOTHING:
            return None
        if answer.code in _NOT_READY:
            raise BillNotReady()
        if answer.status != 200:
            raise BillUnclear()
        try:
            url = text(answer.data, "download_url")
            hash_type, value = text(answer.data, "hash_type"), text(answer.data, "hash_value")
        except NotAnAnswer as error:
            raise BillUnclear() from error
        return RawBill(_unpacked(self._download(url)), hash_type, value)

    def _download(self, url: str) -> bytes:
        library = self._pay.library
        base = library._core._gate_way  # noqa: SLF001
        # The call is signed: it goes to WeChat Pay or nowhere.
        if not url.startswith(f"{base}/v3/"):
            raise BillUnclear()
        try:
            with transport.deadline(DOWNLOAD_SECONDS, is_one_call=True):
                status, said = library.download_bill(url)
        except requests.RequestException as error:
            raise BillUnclear() from error
        if status != 200:
            raise BillUnclear()
        return said.encode() if isinstance(said, str) else bytes(said)

    def _call(self, send: Any) -> Answer:
        try:
            return self._pay.call(send)
        except Unclear as error:
            raise BillUnclear() from error


def _unpacked(content: bytes) -> bytes:
    """The file itself. Raises BillRefused where the pack is cut or holds too much."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            found = packed.read(FILE_BYTES_MAX + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BillRefused("压缩的账单文件打不开，可能被截断") from error
    if len(found) > FILE_BYTES_MAX:
        raise BillRefused("账单文件太大")
    return found
