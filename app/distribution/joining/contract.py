"""What applicants agree to (合作约定): versions, each in force from a moment on."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app import audit
from app.core.db import db, require_transaction
from app.core.errors import InvalidInput
from app.core.rows import add_once
from app.distribution.joining.models import JoinContract

TEXT_CHARS_MIN, TEXT_CHARS_MAX = 20, 10_000
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,19}")

BUILT_IN_VERSION = "2026-11"
BUILT_IN = """一、成为分销员完全免费，不收取任何费用，也不以购买商品为条件。
二、佣金只来自真实售出的商品：好友通过你的推广码进入商城并下单，订单完成且过了退货期后，佣金结算到你的钱包。
三、没有“拉人头”奖励。佣金最多计算两级，发展人数多少与佣金无关。
四、商品退款后，对应的佣金按退款金额同比例收回；已结算的部分从可提现余额中扣回。
五、提现由商家审核后通过微信支付转账，个人所得税按国家规定代扣代缴。
六、请如实介绍商品，不夸大、不误导、不骚扰他人。违反约定的，商家可以暂停分销资格。
七、你可以随时申请退出；退出前已结算的佣金仍可提现。"""


@dataclass(frozen=True)
class Contract:
    """A version with its text."""

    version: str
    text: str

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def in_force(now: datetime) -> Contract:
    """What whoever applies at `now` agrees to."""
    row = db.session.scalar(
        sa.select(JoinContract)
        .where(JoinContract.effective_at <= now)
        .order_by(JoinContract.effective_at.desc(), JoinContract.id.desc())
        .limit(1)
    )
    return Contract(row.version, row.text) if row else Contract(BUILT_IN_VERSION, BUILT_IN)


def versions(*, limit: int = 50) -> Sequence[JoinContract]:
    """What shops wrote, the newest first."""
    return db.session.scalars(
        sa.select(JoinContract).order_by(JoinContract.id.desc()).limit(limit)
    ).all()


def publish(
    version: str, text: str, *, effective_at: datetime, actor: audit.Actor, now: datetime
) -> JoinContract:
    """Write a new version; it is never changed afterwards.

    Raises InvalidInput: the version is taken or malformed, the text too short or
    too long, or it would have been in force before it was written.
    """
    require_transaction()
    version, text = version.strip(), text.replace("\r\n", "\n").strip()
    if not _VERSION.fullmatch(version):
        raise InvalidInput("version", "版本号为 1 到 20 个字母、数字、点或横线，例如 2026-12")
    if not TEXT_CHARS_MIN <= len(text) <= TEXT_CHARS_MAX:
        raise InvalidInput("text", f"约定全文应为 {TEXT_CHARS_MIN} 到 {TEXT_CHARS_MAX} 个字")
    if effective_at < now:
        raise InvalidInput("effective_at", "生效时间不能早于现在")
    made = Contract(version, text)
    row = JoinContract(
        version=version,
        text=text,
        text_hash=made.hash,
        effective_at=effective_at,
        created_by=actor.ref,
        created_at=now,
    )
    if version == BUILT_IN_VERSION or not add_once(row):
        raise InvalidInput("version", f"已有版本 {version}，请换一个版本号")
    audit.record(
        "join.contract",
        subject="join_contract",
        subject_id=row.id,
        actor=actor,
        now=now,
        after={
            "version": version,
            "text_hash": made.hash,
            "effective_at": effective_at.isoformat(),
        },
    )
    return row
