"""What distributors take out, and who lets them."""

from app import withdrawals
from app.core.db import db, run_unit
from app.ledger import AccountKind, balance_fen
from app.withdrawals import Withdrawal, WithdrawalStatus
from scripts.simulation.ground import DESK, DESK2
from scripts.simulation.stage import Stage
from scripts.simulation.wechat import MCHID


class PayingOut(Stage):
    """Acts about withdrawals."""

    def withdraw(self) -> str:
        if not self.distributors:
            return "nobody"
        member_id = self.pick(self.distributors)
        free = balance_fen(AccountKind.AVAILABLE, member_id)
        db.session.rollback()
        fen = self.rng.randint(50, max(100, min(free, 220_00)))
        row = run_unit(
            withdrawals.request,
            member_id,
            amount_fen=fen,
            request_key=f"sim-{self.step}",
            now=self.now,
        )
        self.withdrawals.append(row.id)
        return "requested"

    def move_withdrawal(self) -> str:
        if not self.withdrawals:
            return "none"
        row = db.session.get_one(Withdrawal, self.pick(self.withdrawals))
        row_id, status, now, likes = row.id, row.status, self.now, self.rng.random()
        match status:
            case WithdrawalStatus.SUBMITTED if likes < 0.75:
                run_unit(
                    withdrawals.approve,
                    row_id,
                    actor=self.rng.choice([DESK, DESK2]),
                    actor_member_id=None,
                    now=now,
                )
            case WithdrawalStatus.SUBMITTED if likes < 0.9:
                run_unit(
                    withdrawals.reject,
                    row_id,
                    reason="请核对",
                    actor=DESK,
                    actor_member_id=None,
                    now=now,
                )
            case WithdrawalStatus.SUBMITTED:
                run_unit(withdrawals.cancel, row_id, member_id=row.member_id, now=now)
            case WithdrawalStatus.WAIT_CONFIRM if likes < 0.15:
                withdrawals.cancel_bill(row_id, actor=DESK, gateway=self.wechat.transfers, now=now)
            case WithdrawalStatus.WAIT_CONFIRM | WithdrawalStatus.CANCELLING:
                self._end_bill(row_id, "SUCCESS" if likes < 0.85 else "FAIL")
            case _:
                return f"left_{status.value}"
        self.news()
        return status.value

    def _end_bill(self, withdrawal_id: int, state: str) -> None:
        bill = withdrawals.current_bill(withdrawal_id)
        number = bill.out_bill_no if bill else ""
        db.session.rollback()
        answer = self.wechat.transfers.end(number, state)
        if answer is not None:
            run_unit(withdrawals.report, answer, mchid=MCHID, now=self.now)
