"""Real names (实名信息): asked once, where tax is withheld, and kept for nothing else.

Name and identity number are sensitive (个人信息保护法, art. 28): a consent of its own,
encryption at rest, masks on screen. See compliance.md.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime

import sqlalchemy as sa
from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from app import audit, members
from app.core import clock
from app.core.crypto import keyring
from app.core.db import db, require_transaction
from app.core.errors import DomainError, InvalidInput, NotFound
from app.core.rows import add_once, affected
from app.tax.models import Identity

DOCUMENT = "identity"
# Changes with the text; the consent says which one was agreed to.
VERSION = "2026-11-2"
PARAGRAPHS = (
    "为依法代扣代缴个人所得税、向税务机关报送收入信息，我们需要你的真实姓名和居民身份证号码。这两项属于敏感个人信息。",
    "它们会加密保存，只用于扣税、申报和向税务机关报送，以及提现时请微信支付核对收款人姓名，页面上打码显示，查看完整号码的员工须有专门权限并留下记录。",
    "不提供也可以正常购物和推广，但在代扣个人所得税期间不能提现，也不能向微信零钱提现到账 2,000 元及以上。没有代扣过税款时，你可以随时删除；代扣过的，依法保存 10 年。",
)
_NAME = re.compile(r"[\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003134f·]{2,30}")
_NUMBER = re.compile(r"\d{17}[\dX]", re.ASCII)


class AlreadyIdentified(DomainError):
    """What was given once is not changed by the member: withholdings rest on it."""

    code = "already_identified"
    message = "实名信息已经保存过了，如需更正请联系客服"


def check(name: str, number: str, *, today: date) -> tuple[str, str]:
    """Name and number as they are kept.

    The number's form, date of birth and check digit are those of GB 11643; whether
    the two belong together only the tax office knows.

    Raises InvalidInput naming `name` or `number`.
    """
    clean = "".join(name.split()).replace("•", "·").replace("．", "·")
    if not clean:
        raise InvalidInput("name", "请填写真实姓名")
    if not _NAME.fullmatch(clean) or clean[0] == "·" or clean[-1] == "·":
        raise InvalidInput("name", "请填写与身份证一致的中文姓名")
    digits = "".join(number.split()).upper()
    if not digits:
        raise InvalidInput("number", "请填写身份证号码")
    if not _NUMBER.fullmatch(digits):
        raise InvalidInput("number", "身份证号码应为 18 位")
    try:
        born = ric.get_birth_date(digits)
    except ValidationError:
        born = date.max
    if digits[-1] != ric.calc_check_digit(digits) or not date(1900, 1, 1) <= born <= today:
        raise InvalidInput("number", "身份证号码不正确，请核对")
    return clean, digits


def identify(
    member_id: int, *, name: str, number: str, has_agreed: bool, now: datetime
) -> Identity:
    """Keep who a member is, with their consent to it (实名登记).

    Saying the same again changes nothing.

    Raises:
        InvalidInput: naming `name`, `number` or `agreed`.
        AlreadyIdentified: somebody else was given before.
    """
    require_transaction()
    clean, digits = check(name, number, today=clock.local(now).date())
    if not has_agreed:
        raise InvalidInput("agreed", "请先阅读并勾选同意")
    members.locked(member_id)
    person = keyring().search_hash(digits)
    known = identity_of(member_id)
    if known is None:
        _expect_same_name(person, clean)
        row = Identity(
            member_id=member_id, name=clean, number=digits, person=person, created_at=now
        )
        if add_once(row):
            text = "\n".join(PARAGRAPHS)
            members.agree(member_id, document=DOCUMENT, version=VERSION, text=text, now=now)
            _record("tax.identify", member_id, audit.Actor.member(member_id), now)
        return row
    if known.person != person or known.name != clean:
        raise AlreadyIdentified()
    return known


def agree_again(member_id: int, *, has_agreed: bool, now: datetime) -> None:
    """Agree to the present text, for who agreed to an older one (重新同意).

    Raises InvalidInput naming `agreed`; NotFound without an identity.
    """
    require_transaction()
    if not has_agreed:
        raise InvalidInput("agreed", "请先阅读并勾选同意")
    members.locked(member_id)
    if identity_of(member_id) is None:
        raise NotFound("还没有填写实名信息")
    if not may_tell_name(member_id):
        members.agree(
            member_id, document=DOCUMENT, version=VERSION, text="\n".join(PARAGRAPHS), now=now
        )


def _expect_same_name(person: str, name: str) -> None:
    """One number has one name: a slip, or somebody else's number, is for a person to look at."""
    others = db.session.scalars(sa.select(Identity).where(Identity.person == person))
    if any(other.name != name for other in others):
        raise InvalidInput("number", "姓名与身份证号码不一致，请核对或联系客服")


def identity_of(member_id: int) -> Identity | None:
    """Who a member is, if they said so."""
    return db.session.scalar(sa.select(Identity).filter_by(member_id=member_id))


def may_tell_name(member_id: int) -> bool:
    """Whether the member agreed that WeChat compares their name (the present text)."""
    return members.has_agreed(member_id, DOCUMENT, VERSION)


def identities_of(member_ids: Iterable[int]) -> dict[int, Identity]:
    wanted = set(member_ids)
    if not wanted:
        return {}
    rows = db.session.scalars(sa.select(Identity).where(Identity.member_id.in_(wanted)))
    return {row.member_id: row for row in rows}


def lock_person(person: str) -> None:
    """Let nobody else compute this person's tax until the unit of work ends.

    All their accounts are locked: the income of a person is one.
    """
    require_transaction()
    db.session.execute(
        sa.select(Identity.member_id)
        .where(Identity.person == person)
        .order_by(Identity.member_id)
        .with_for_update()
    ).all()


def reveal(member_id: int, *, actor: audit.Actor, now: datetime) -> Identity | None:
    """Name and number in full, for a person at the desk; it is written down who asked."""
    require_transaction()
    found = identity_of(member_id)
    if found is not None:
        _record("tax.reveal", member_id, actor, now)
    return found


def delete(member_id: int, *, actor: audit.Actor, now: datetime, reason: str = "") -> bool:
    """Forget who a member is; whether there was anything. The caller asks if it may be."""
    if not affected(sa.delete(Identity).where(Identity.member_id == member_id)):
        return False
    db.session.expire_all()
    _record("tax.forget", member_id, actor, now, reason)
    return True


def _record(
    action: str, member_id: int, actor: audit.Actor, now: datetime, reason: str = ""
) -> None:
    audit.record(
        action, subject="member", subject_id=member_id, actor=actor, now=now, reason=reason
    )
