"""Who may ask to become a distributor (加入方式).

By purchase and by spending are refused unless the server's operator switched them on
(`COMPLIANCE_ALLOW_PAID_JOINING`): see compliance.md. A shop that was set so while the
switch was on reviews applications when it is off again.
"""

import enum

from app import settings
from app.core.errors import DomainError, InvalidInput
from app.core.money import format_yuan
from app.distribution import ports
from app.settings import registry


class Way(enum.StrEnum):
    REVIEW = "review"
    OPEN = "open"
    INVITED = "invited"  # 商家指定
    PURCHASE = "purchase"  # whoever bought one of some products
    SPENDING = "spending"  # whoever spent enough


_PAID = (Way.PURCHASE, Way.SPENDING)
_allows_paid = False


class NotOpen(DomainError):
    """The shop does not take this applicant; the sentence says what is missing."""

    code = "joining_not_open"
    message = "目前只接受商家邀请加入"


def configure(*, allow_paid: bool) -> None:
    """Set whether this server may ask for a purchase; refuses such settings if not."""
    global _allows_paid
    _allows_paid = allow_paid
    settings.guard(registry.JOIN_MODE, _check_mode)


def allows_paid() -> bool:
    return _allows_paid


def current() -> Way:
    """The way in force."""
    way = Way(settings.value(registry.JOIN_MODE))
    return Way.REVIEW if way in _PAID and not _allows_paid else way


def check(member_id: int, way: Way) -> None:
    """Whether this member may ask by themself. Raises NotOpen with what is missing."""
    if way is Way.INVITED:
        raise NotOpen()
    if way is Way.PURCHASE:
        wanted = product_ids()
        if not wanted or not ports.purchases().has_bought(member_id, wanted):
            raise NotOpen("购买指定商品后可以申请")
    if way is Way.SPENDING:
        needed = settings.value(registry.JOIN_SPENDING_FEN)
        spent = ports.purchases().spent_fen(member_id)
        if spent < needed:
            raise NotOpen(
                f"累计消费满 ¥{format_yuan(needed)} 后可以申请，你已消费 ¥{format_yuan(spent)}"
            )


def product_ids() -> list[int]:
    """The products of which buying one lets a member ask."""
    listed = settings.value(registry.JOIN_PRODUCTS)
    return [int(part) for part in listed.split(",") if part.strip()]


def _check_mode(value: object) -> None:
    if value in list(_PAID) and not _allows_paid:
        raise InvalidInput(
            registry.JOIN_MODE.key,
            "以购买或消费作为加入条件有合规风险，服务器没有开启（COMPLIANCE_ALLOW_PAID_JOINING）",
        )
