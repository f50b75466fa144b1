"""Where members want to be paid to (收款账户), and to whom each withdrawal goes.

Numbers are sealed at rest and masked on screen; a withdrawal keeps its own copy, so
that deleting an account, or another one in its place, never moves money on its way.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from stdnum import luhn

from app import audit, members, tax
from app.core.crypto import keyring
from app.core.db import db, require_transaction
from app.core.errors import InvalidInput, NotFound
from app.core.rows import add_once, affected, insert_now
from app.withdrawals import channels
from app.withdrawals.errors import NameNeeded, TooManyPayees
from app.withdrawals.models import BY_HAND, Channel, Withdrawal
from app.withdrawals.payee_models import PayeeAccount, WithdrawalPayee

ACCOUNTS_MAX = 10
_HOLDER = re.compile(r"[\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003134f·]{2,30}")
_BANK = re.compile(r"[\u4e00-\u9fffA-Za-z0-9（）()·]{2,40}")
_CARD = re.compile(r"\d{16,19}", re.ASCII)
_PHONE = re.compile(r"1[3-9]\d{9}", re.ASCII)
_MAIL = re.compile(
    r"[A-Za-z0-9][\w.+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+", re.ASCII
)


@dataclass(frozen=True)
class PayeeInput:
    """What a member types; `bank_name` only for a card."""

    channel: Channel
    holder: str
    account: str
    bank_name: str = ""


def clean(given: PayeeInput) -> PayeeInput:
    """An account as it is kept. Raises InvalidInput naming the field.

    A card's number must have 16 to 19 digits and its check digit (Luhn). Whether it
    is the holder's only the bank knows.
    """
    if given.channel not in BY_HAND:
        raise InvalidInput("channel", "请选择银行卡或支付宝")
    holder = "".join(given.holder.split()).replace("•", "·").replace("．", "·")
    if not _HOLDER.fullmatch(holder) or holder[0] == "·" or holder[-1] == "·":
        raise InvalidInput("holder", "请填写收款人的中文姓名")
    account = "".join(given.account.split())
    if given.channel is Channel.ALIPAY:
        if not _PHONE.fullmatch(account) and not _MAIL.fullmatch(account):
            raise InvalidInput("account", "请填写支付宝账号：手机号码或邮箱")
        return PayeeInput(given.channel, holder, account.lower())
    bank = "".join(given.bank_name.split())
    if not _BANK.fullmatch(bank):
        raise InvalidInput("bank_name", "请填写开户银行，例如 招商银行")
    card = account.replace("-", "")
    if not _CARD.fullmatch(card):
        raise InvalidInput("account", "银行卡号应为 16 到 19 位数字")
    if not luhn.is_valid(card) or not card.strip("0"):
        raise InvalidInput("account", "银行卡号不正确，请核对")
    return PayeeInput(given.channel, holder, card, bank)


def add(member_id: int, given: PayeeInput, *, now: datetime) -> PayeeAccount:
    """Keep an account of a member (添加收款账户); the same one again returns the first.

    Raises:
        InvalidInput: naming the field; `holder` where it isn't who the member is.
        TooManyPayees.
    """
    require_transaction()
    made = clean(given)
    members.locked(member_id)
    _expect_same_person(member_id, made.holder)
    found = sa.select(PayeeAccount).filter_by(
        member_id=member_id,
        account_hash=keyring().search_hash(f"{made.channel.value}:{made.account}"),
    )
    known = db.session.scalar(found)
    if known is not None and (known.holder, known.bank_name) == (made.holder, made.bank_name):
        return known
    if known is not None:
        raise InvalidInput("account", "这个账号已经保存过；要改姓名或银行，请先删除再添加")
    if len(accounts_of(member_id)) >= ACCOUNTS_MAX:
        raise TooManyPayees()
    row = PayeeAccount(
        member_id=member_id,
        channel=made.channel,
        bank_name=made.bank_name,
        holder=made.holder,
        account=made.account,
        account_hash=keyring().search_hash(f"{made.channel.value}:{made.account}"),
        created_at=now,
    )
    if not add_once(row):
        raise RuntimeError("the member is locked, so nobody else adds")
    _record("payee.add", member_id, made.channel, now)
    return row


def delete(member_id: int, payee_id: int, *, now: datetime) -> None:
    """Forget an account; withdrawals on their way to it keep their copy. Raises NotFound."""
    row = account_of(member_id, payee_id)
    if affected(sa.delete(PayeeAccount).filter_by(id=payee_id, member_id=member_id)):
        _record("payee.delete", member_id, row.channel, now)
    db.session.expire_all()


def accounts_of(member_id: int) -> Sequence[PayeeAccount]:
    """A member's accounts, the newest first."""
    return db.session.scalars(
        sa.select(PayeeAccount).filter_by(member_id=member_id).order_by(PayeeAccount.id.desc())
    ).all()


def account_of(member_id: int, payee_id: int) -> PayeeAccount:
    """An account of this member. Raises NotFound for anyone else's."""
    found = db.session.scalar(sa.select(PayeeAccount).filter_by(id=payee_id, member_id=member_id))
    if found is None:
        raise NotFound("收款账户不存在")
    return found


def chosen(member_id: int, channel: Channel, payee_id: int | None) -> PayeeAccount | None:
    """The account that a withdrawal by hand is to go to; None for WeChat.

    Raises InvalidInput naming `payee`: none, of another way, or not the person's.
    """
    if channel is Channel.WECHAT:
        return None
    found = (
        db.session.scalar(
            sa.select(PayeeAccount).filter_by(id=payee_id, member_id=member_id, channel=channel)
        )
        if payee_id
        else None
    )
    if found is None:
        raise InvalidInput("payee", f"请选择收款的{channels.NAME[channel]}账户")
    try:
        _expect_same_person(member_id, found.holder)
    except InvalidInput as error:
        raise InvalidInput("payee", error.message) from None
    return found


def name_for_wechat(member_id: int, net_fen: int) -> str:
    """Whom WeChat is to compare the receiver with; empty where that is not wanted.

    Raises NameNeeded: WeChat wants it for this much, and the member did not say who
    they are, or not agree that WeChat may be told.
    """
    known = tax.identity_of(member_id) if net_fen >= channels.NAME_ALLOWED_FEN else None
    if known is not None and tax.identity.may_tell_name(member_id):
        return known.name
    if net_fen >= channels.NAME_NEEDED_FEN:
        raise NameNeeded()
    return ""


def keep(row: Withdrawal, account: PayeeAccount | None, name: str) -> None:
    """Write down to whom a new withdrawal goes."""
    require_transaction()
    if account is not None:
        made = WithdrawalPayee(
            bank_name=account.bank_name, holder=account.holder, account=account.account
        )
    elif name:
        made = WithdrawalPayee(bank_name="", holder=name, account="")
    else:
        return
    made.withdrawal_id, made.channel = row.id, row.channel
    insert_now(made)


def of_withdrawal(withdrawal_id: int) -> WithdrawalPayee | None:
    """To whom a withdrawal goes, if that was written down."""
    return db.session.get(WithdrawalPayee, withdrawal_id)


def of_withdrawals(withdrawal_ids: Iterable[int]) -> dict[int, WithdrawalPayee]:
    wanted = set(withdrawal_ids)
    if not wanted:
        return {}
    rows = db.session.scalars(
        sa.select(WithdrawalPayee).where(WithdrawalPayee.withdrawal_id.in_(wanted))
    )
    return {row.withdrawal_id: row for row in rows}


def _expect_same_person(member_id: int, holder: str) -> None:
    """Income is taxed as the member's, so it is paid to the member."""
    known = tax.identity_of(member_id)
    if known is not None and known.name != holder:
        raise InvalidInput("holder", "收款人须是你本人，与实名信息一致")


def _record(action: str, member_id: int, channel: Channel, now: datetime) -> None:
    audit.record(
        action,
        subject="member",
        subject_id=member_id,
        actor=audit.Actor.member(member_id),
        now=now,
        after={"channel": channel.value},
    )
