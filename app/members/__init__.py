"""Members (会员): who someone is, where their parcels go, what they agreed to.

A member comes into being from a WeChat openid, and only from WeChat's own
answer. `upline1_id` to `upline3_id` are the nearest three above in the referral
tree; `distribution.binding` is the only writer of them.
"""

from app.members.models import Address, Consent, Member, MemberStatus
from app.members.queries import address_of, by_openid, default_address, get, names_of
from app.members.service import (
    AddressInput,
    agree,
    enter,
    mark_subscribed,
    save_address,
    set_profile,
)

__all__ = [
    "Address",
    "AddressInput",
    "Consent",
    "Member",
    "MemberStatus",
    "address_of",
    "agree",
    "by_openid",
    "default_address",
    "enter",
    "get",
    "mark_subscribed",
    "names_of",
    "save_address",
    "set_profile",
]
