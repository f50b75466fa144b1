"""Batches that are paid by hand: made once, each line ended once, undone by two."""

import hashlib
import io

import pytest
import sqlalchemy as sa
from PIL import Image
from sqlalchemy.exc import IntegrityError

from app import audit, ledger, reports, withdrawals
from app.audit import Actor, AuditEntry
from app.core.db import db, run_unit, transaction
from app.core.errors import IllegalMove, InvalidInput, NotFound
from app.ledger import Wallet
from app.outbox import OutboxRow
from app.settings import change
from app.withdrawals import (
    Channel,
    LineState,
    LockCause,
    PayoutsLocked,
    WithdrawalStatus,
    byhand,
    vouchers,
)
from app.withdrawals.errors import BatchRecorded, NothingToPay, OwnWithdrawal, ReturnedBySame
from tests.factories import ADMIN, NOON, broken_invariants, make_member
from tests.planting import plant, unchecked
from tests.withdrawals.byhand import (
    PDF,
    a_voucher,
    batch_of,
    open_channel,
    to_pay,
)
from tests.withdrawals.fakes import LOST, FakeTransfers, approved

S = WithdrawalStatus
SECOND = Actor.admin(2)
BY = {"actor": ADMIN, "actor_member_id": None, "now": NOON}


@pytest.fixture(autouse=True)
def bank(session):
    open_channel(Channel.BANK, fee_bps=100)
    with transaction():
        change("withdraw.two_person_fen", 100_000_00, actor=ADMIN, now=NOON)


def pay(batch, lines, **given):
    given = BY | {"serial": "ICBC20261121", "voucher_id": a_voucher()} | given
    return run_unit(byhand.mark_paid, batch.id, [line.id for line in lines], **given)


def fail(batch, lines, reason="账号与户名不符", **given):
    ids = [line.id for line in lines]
    return run_unit(byhand.mark_failed, batch.id, ids, reason=reason, **(BY | given))


def give_back(line, reason="银行退票", **given):
    run_unit(byhand.mark_returned, line.id, reason=reason, **(BY | {"actor": SECOND} | given))


def booked(kind) -> int:
    return db.session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(ledger.Entry.amount_fen), 0))
        .join(ledger.Account, ledger.Account.id == ledger.Entry.account_id)
        .where(ledger.Account.kind == kind, ledger.Entry.posting.has(subject="withdrawal"))
    )


def test_a_batch_takes_the_approved_of_its_way_and_wechat_never_sends_them():
    first, second = to_pay(500_00), to_pay(700_00)
    open_channel(Channel.ALIPAY)
    other = to_pay(100_00, Channel.ALIPAY)

    batch, lines = batch_of()

    assert (batch.line_count, batch.total_fen) == (2, 495_00 + 693_00)
    assert [line.withdrawal_id for line in lines] == [first.id, second.id]
    assert [row.status for row in (first, second, other)] == [S.SENDING, S.SENDING, S.APPROVED]
    assert withdrawals.due_to_pay() == []
    assert withdrawals.pay(other.id, gateway=FakeTransfers(), now=NOON) == "taken"
    assert broken_invariants() == {}


def test_a_second_batch_finds_nothing():
    row = to_pay()
    batch_of()

    with pytest.raises(NothingToPay):
        batch_of()

    # Not even behind the service's back.
    with pytest.raises(IntegrityError):
        plant(
            "INSERT INTO payout_lines (batch_id, withdrawal_id, live_withdrawal_id, amount_fen,"
            " state, serial, reason, decided_by, returned_by)"
            " SELECT batch_id, withdrawal_id, live_withdrawal_id, 1, 'waiting', '', '', '', ''"
            " FROM payout_lines"
        )
    db.session.rollback()
    assert row.status is S.SENDING
    assert broken_invariants() == {}


def test_while_payouts_are_locked_no_batch_is_made_and_no_file_leaves():
    row = to_pay()
    other = to_pay()
    batch, _ = run_unit(byhand.make_batch, Channel.BANK, actor=ADMIN, now=NOON, most=1), None
    run_unit(withdrawals.locks.lock, LockCause.BOOKS, "差 1 分", actor=ADMIN, now=NOON)

    with pytest.raises(PayoutsLocked):
        batch_of()
    with pytest.raises(PayoutsLocked):
        run_unit(byhand.filed, batch.id, name="x", make=lambda _: b"", actor=ADMIN, now=NOON)

    assert (row.status, other.status) == (S.SENDING, S.APPROVED)
    assert batch.file_sha256 == ""


def test_a_paid_line_leaves_by_the_bank_with_its_fee():
    row = to_pay(500_00)
    batch, lines = batch_of()

    assert pay(batch, lines) == 1

    assert row.status is S.PAID
    assert (lines[0].state, lines[0].serial) == (LineState.PAID, "ICBC20261121")
    assert ledger.wallet_of(row.member_id) == Wallet()
    assert booked(ledger.AccountKind.WORLD_BANK) == 495_00
    assert booked(ledger.AccountKind.WORLD_WX) == 0
    assert booked(ledger.AccountKind.SHOP) == 5_00
    assert broken_invariants() == {}


def test_of_a_batch_all_named_lines_are_paid_or_none():
    rows = [to_pay(), to_pay()]
    batch, lines = batch_of()
    pay(batch, lines[:1])

    with pytest.raises(IllegalMove):
        pay(batch, lines)

    assert [row.status for row in rows] == [S.PAID, S.SENDING]
    assert broken_invariants() == {}


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"serial": ""}, InvalidInput),
        ({"serial": "=1+1"}, InvalidInput),
        ({"serial": "12 34"}, InvalidInput),
    ],
)
def test_paid_wants_the_banks_serial_number(given, refused):
    row = to_pay()
    batch, lines = batch_of()

    with pytest.raises(refused) as error:
        pay(batch, lines, **given)

    assert error.value.field == "serial"
    assert row.status is S.SENDING


def test_lines_of_another_batch_and_no_lines_are_refused():
    row = to_pay()
    batch, lines = batch_of()
    to_pay()
    second, _ = batch_of()

    with pytest.raises(NotFound):
        pay(second, lines)
    with pytest.raises(InvalidInput):
        pay(batch, [])
    assert row.status is S.SENDING


def test_nobody_ends_their_own_withdrawal():
    row = to_pay()
    batch, lines = batch_of()

    for act in (pay, fail):
        with pytest.raises(OwnWithdrawal):
            act(batch, lines, actor_member_id=row.member_id)
    assert row.status is S.SENDING


def test_a_failed_line_gives_back_all_with_its_reason():
    row = to_pay(500_00)
    batch, lines = batch_of()

    with pytest.raises(InvalidInput):
        fail(batch, lines, reason=" ")
    fail(batch, lines)

    assert (row.status, lines[0].state) == (S.FAILED, LineState.FAILED)
    assert withdrawals.reason_of(row, None) == "账号与户名不符"
    assert ledger.wallet_of(row.member_id) == Wallet(available_fen=500_00)
    assert broken_invariants() == {}
    with pytest.raises(IllegalMove):
        pay(batch, lines)
    assert booked(ledger.AccountKind.WORLD_BANK) == 0


def test_a_returned_payment_gives_back_net_tax_and_fee():
    with transaction():
        change("tax.method", "monthly", actor=ADMIN, now=NOON)
    member = make_member("欧阳娜娜")
    run_unit(
        withdrawals.payees.tax.identify,
        member.id,
        name="欧阳娜娜",
        number="11010519491231002X",
        has_agreed=True,
        now=NOON,
    )
    row = to_pay(2_000_00, member=member)
    batch, lines = batch_of()
    pay(batch, lines)
    assert (row.tax_fen, booked(ledger.AccountKind.TAX_PAYABLE)) == (240_00, 240_00)
    assert broken_invariants() == {}

    give_back(lines[0])

    assert (row.status, lines[0].state) == (S.RETURNED, LineState.RETURNED)
    assert ledger.wallet_of(row.member_id) == Wallet(available_fen=2_000_00)
    for kind in (ledger.AccountKind.WORLD_BANK, ledger.AccountKind.TAX_PAYABLE):
        assert booked(kind) == 0
    assert withdrawals.reason_of(row, None) == "银行退票"
    # The month's tax is computed without it, and no certificate counts it.
    assert withdrawals.preview(member.id, 2_000_00, now=NOON).tax_fen == 240_00
    assert reports.statements.tax_years(member.id) == []
    found = reports.statements.statement(member.id, "2026-11", NOON)
    assert [(line.withdrawn_fen, line.tax_fen, line.fee_fen) for line in found.lines[1:]] == [
        (-1_740_00, -240_00, -20_00),
        (1_740_00, 240_00, 20_00),
    ]
    assert found.closing_fen == 2_000_00
    assert broken_invariants() == {}


def test_a_return_is_a_second_persons_act_on_what_was_paid():
    row = to_pay()
    batch, lines = batch_of()
    with pytest.raises(IllegalMove):
        give_back(lines[0])
    pay(batch, lines)

    with pytest.raises(ReturnedBySame):
        give_back(lines[0], actor=ADMIN)
    with pytest.raises(InvalidInput):
        give_back(lines[0], reason="")
    with pytest.raises(OwnWithdrawal):
        give_back(lines[0], actor_member_id=row.member_id)

    assert row.status is S.PAID
    assert broken_invariants() == {}


def take_out(line, reason="账号要改", is_unpaid=False, **given):
    given = BY | {"reason": reason, "is_unpaid": is_unpaid} | given
    run_unit(byhand.take_out, line.id, **given)


def test_a_line_taken_out_waits_for_the_next_batch():
    row, other = to_pay(), to_pay()
    batch, lines = batch_of()
    told = withdrawal_news()

    take_out(lines[0])

    assert (row.status, other.status) == (S.APPROVED, S.SENDING)
    assert (lines[0].state, lines[0].reason) == (LineState.REMOVED, "账号要改")
    assert ledger.wallet_of(row.member_id).frozen_fen == row.gross_fen
    assert withdrawal_news() == told
    again, (new,) = batch_of()
    assert (new.withdrawal_id, again.total_fen) == (row.id, row.net_fen)
    pay(again, [new])
    assert withdrawals.batches.line_of(row.id) == (new, again)
    assert "移" not in reports.payout_files.made(batch, "csv").decode("utf-8-sig")
    assert broken_invariants() == {}


def withdrawal_news() -> list[str]:
    return sorted(db.session.scalars(sa.select(OutboxRow.topic)))


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"reason": " "}, InvalidInput),
        ({"actor_member_id": "own"}, OwnWithdrawal),
        ({"recorded": True}, BatchRecorded),
        ({"filed": True}, InvalidInput),
    ],
)
def test_what_is_not_taken_out_stays_as_it_was(given, error):
    row, _ = to_pay(), to_pay()
    batch, lines = batch_of()
    if given.pop("recorded", False):
        pay(batch, lines[1:])
    if given.pop("filed", False):
        run_unit(byhand.filed, batch.id, name="a.csv", make=lambda _: b"a", actor=ADMIN, now=NOON)
    if given.get("actor_member_id"):
        given = {"actor_member_id": row.member_id}

    with pytest.raises(error):
        take_out(lines[0], **given)

    db.session.rollback()
    assert (row.status, lines[0].state) == (S.SENDING, LineState.WAITING)
    assert lines[0].live_withdrawal_id == row.id


def test_after_its_file_left_a_line_is_taken_out_by_who_says_that_it_was_not_paid():
    row = to_pay()
    batch, lines = batch_of()
    run_unit(byhand.filed, batch.id, name="a.csv", make=lambda _: b"a", actor=ADMIN, now=NOON)

    take_out(lines[0], is_unpaid=True)

    assert row.status is S.APPROVED
    act = db.session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert (act.action, act.reason) == ("payout_batch.take_out", "账号要改")
    assert act.after == {"lines": [lines[0].id], "total_fen": 495_00, "was_filed": True}
    with pytest.raises(IllegalMove):
        take_out(lines[0], is_unpaid=True)


def test_what_is_at_wechat_is_never_taken_back_to_approved():
    row, gateway = approved(50_00), FakeTransfers()
    gateway.on_send = [LOST]
    withdrawals.pay(row.id, gateway=gateway, now=NOON)
    plant(f"UPDATE withdrawals SET status = 'sending' WHERE id = {row.id}")
    db.session.refresh(row)

    with pytest.raises(IllegalMove), transaction():
        withdrawals.byhand.states.move(row, S.APPROVED, actor=ADMIN, now=NOON)


def test_what_wechat_paid_never_returns():
    row, gateway = approved(50_00), FakeTransfers()
    gateway.on_send = ["SUCCESS"]
    withdrawals.pay(row.id, gateway=gateway, now=NOON)

    with pytest.raises(IllegalMove), transaction():
        withdrawals.byhand.states.move(row, S.RETURNED, actor=ADMIN, now=NOON)

    assert row.status is S.PAID


def test_every_act_is_in_the_log():
    to_pay(), to_pay()
    batch, lines = batch_of()
    run_unit(byhand.filed, batch.id, name="a.xlsx", make=lambda _: b"a", actor=ADMIN, now=NOON)
    pay(batch, lines[:1])
    fail(batch, lines[1:])
    give_back(lines[0])

    acts = db.session.scalars(
        sa.select(AuditEntry.action).filter_by(subject="payout_batch").order_by(AuditEntry.id)
    ).all()

    assert acts == [f"payout_batch.{act}" for act in ("make", "file", "paid", "failed", "returned")]
    assert [m.to_state for m in audit.moves_of("withdrawal", lines[0].withdrawal_id)] == [
        "submitted",
        "approved",
        "sending",
        "paid",
        "returned",
    ]
    assert (batch.file_name, batch.file_sha256) == ("a.xlsx", hashlib.sha256(b"a").hexdigest())


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ("UPDATE payout_lines SET amount_fen = 1", "W3"),
        ("UPDATE payout_lines SET state = 'waiting'", "W3"),
        ("UPDATE payout_lines SET voucher_id = NULL", "W3"),
        ("UPDATE withdrawals SET channel = 'wechat'", "W2"),
    ],
)
def test_verify_finds_a_line_that_does_not_fit_its_withdrawal(broken, code):
    to_pay()
    batch, lines = batch_of()
    pay(batch, lines)

    with unchecked():
        plant(broken)
        assert code in broken_invariants()


# --- vouchers ------------------------------------------------------------------------


def test_a_pdf_is_kept_as_it_is_and_a_picture_encoded_anew():
    out = io.BytesIO()
    Image.new("RGBA", (2400, 900)).save(out, "PNG")

    content, kind = vouchers.read(out.getvalue() + b"<script>")

    assert vouchers.read(PDF) == (PDF, "application/pdf")
    assert kind == "image/jpeg"
    assert Image.open(io.BytesIO(content)).size == (1800, 675)
    assert b"<script>" not in content


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF89a", b"<html>", b"%PDF-1.4 cut", b"%PDF-1.4" + b"x" * 1024 * 1024 + b"%%EOF"],
)
def test_what_is_no_voucher_is_refused(data):
    with pytest.raises(InvalidInput) as refused:
        vouchers.read(data)

    assert refused.value.field == "voucher"


def test_a_voucher_is_sealed_and_who_looks_is_written_down():
    voucher_id = a_voucher()

    stored = db.session.execute(sa.text("SELECT content FROM payout_vouchers")).scalar_one()
    assert "JVBERi" not in stored
    assert run_unit(vouchers.opened, voucher_id, actor=SECOND, now=NOON) == (PDF, vouchers.PDF)
    entry = db.session.scalars(sa.select(AuditEntry).filter_by(action="payout_voucher.open")).one()
    assert entry.actor == SECOND.ref
    with pytest.raises(NotFound):
        run_unit(vouchers.opened, voucher_id + 1, actor=SECOND, now=NOON)
