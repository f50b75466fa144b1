"""WeChat's refunds as a test wants them."""

from app.aftersales import RefundWord
from tests.factories import MCHID
from tests.withdrawals.fakes import no_unit_is_open


class FakeRefunds:
    """Implements `aftersales.RefundGateway`. A refund is PROCESSING until a test ends it."""

    mchid = MCHID

    def __init__(self) -> None:
        self.words: dict[str, RefundWord] = {}
        self.sent: list[str] = []
        self.asked: list[str] = []
        # What comes of the next calls: a state, or an exception.
        self.on_send: list[str | Exception] = []
        self.loses_answer = False

    def refund(
        self, *, out_refund_no: str, out_trade_no: str, amount_fen: int, total_fen: int, reason: str
    ) -> RefundWord:
        no_unit_is_open()
        self.sent.append(out_refund_no)
        script = self.on_send.pop(0) if self.on_send else "PROCESSING"
        if isinstance(script, Exception):
            raise script
        return self.words.setdefault(
            out_refund_no,
            RefundWord(
                out_refund_no, script, amount_fen, total_fen, f"50{len(self.words)}", out_trade_no
            ),
        )

    def refund_state(self, out_refund_no: str) -> RefundWord | None:
        no_unit_is_open()
        self.asked.append(out_refund_no)
        return self.words.get(out_refund_no)

    def end(self, out_refund_no: str, status: str) -> RefundWord:
        """The refund ends at WeChat; the answer is what a notice would say."""
        known = self.words[out_refund_no]
        self.words[out_refund_no] = RefundWord(
            out_refund_no,
            status,
            known.amount_fen,
            known.total_fen,
            known.refund_id,
            known.out_trade_no,
        )
        return self.words[out_refund_no]
