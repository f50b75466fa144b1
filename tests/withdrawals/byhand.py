"""Short ways to withdrawals that are paid by hand."""

from datetime import datetime

from app import withdrawals
from app.audit import Actor
from app.core.db import run_unit, transaction
from app.members import Member
from app.settings import change
from app.withdrawals import Channel, PayeeAccount, PayoutBatch, PayoutLine, Withdrawal, batches
from app.withdrawals.payees import PayeeInput
from tests.factories import ADMIN, NOON, give_available, make_member
from tests.withdrawals.fakes import approve

CARD = "6222021234567890128"
PDF = b"%PDF-1.4\n1 0 obj\n%%EOF\n"


def open_channel(channel: Channel, *, actor: Actor = ADMIN, **values: int) -> None:
    """Let a way be asked for, with these of its settings."""
    with transaction():
        change(f"withdraw.{channel.value}_on", True, actor=actor, now=NOON)
        for key, value in values.items():
            change(f"withdraw.{channel.value}_{key}", value, actor=actor, now=NOON)


def add_account(
    member: Member, channel: Channel = Channel.BANK, account: str = CARD, holder: str = "欧阳娜娜"
) -> PayeeAccount:
    given = PayeeInput(channel, holder, account, "招商银行")
    return run_unit(withdrawals.payees.add, member.id, given, now=NOON)


def to_pay(
    fen: int = 500_00,
    channel: Channel = Channel.BANK,
    now: datetime = NOON,
    member: Member | None = None,
    actor: Actor = ADMIN,
) -> Withdrawal:
    """An approved withdrawal to an account of its own; the way must be open."""
    member = member or make_member()
    give_available(member, fen)
    account = add_account(member, channel, CARD if channel is Channel.BANK else "13812345678")
    row: Withdrawal = run_unit(
        withdrawals.request,
        member.id,
        amount_fen=fen,
        request_key="tap",
        now=now,
        channel=channel,
        payee_id=account.id,
    )
    if not approve(row, actor):
        approve(row, Actor.system("second"))
    return row


def batch_of(
    channel: Channel = Channel.BANK, actor: Actor = ADMIN
) -> tuple[PayoutBatch, list[PayoutLine]]:
    batch = run_unit(withdrawals.byhand.make_batch, channel, actor=actor, now=NOON)
    return batch, [item.line for item in batches.items(batch.id)]


def a_voucher() -> int:
    return run_unit(
        withdrawals.vouchers.keep, PDF, withdrawals.vouchers.PDF, actor=ADMIN, now=NOON
    ).id
