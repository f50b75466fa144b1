"""Members (会员): who someone is, where their parcels go, what they agreed to.

A member comes into being from a WeChat openid, and only from WeChat's own
answer. `upline1_id` to `upline3_id` are the nearest three above in the referral
tree; `distribution.binding` is the only writer of them.
"""

from app.members import notes, regions
from app.members.models import Address, Consent, Member, MemberNote, MemberStatus
from app.members.queries import (
    MemberKind,
    address_of,
    addresses_of,
    by_openid,
    by_public_id,
    consents_of,
    default_address,
    followers,
    get,
    has_agreed,
    hold,
    locked,
    members_page,
    names_of,
)
from app.members.service import (
    ADDRESSES_MAX,
    NICKNAME_MAX,
    AddressInput,
    TooManyAddresses,
    add_address,
    agree,
    change_address,
    check_person,
    correct_followers,
    delete_address,
    enter,
    erase,
    make_default,
    mark_subscribed,
    rename,
    set_profile,
)

__all__ = [
    "MemberKind",
    "members_page",
    "MemberNote",
    "notes",
    "ADDRESSES_MAX",
    "NICKNAME_MAX",
    "Address",
    "AddressInput",
    "Consent",
    "Member",
    "MemberStatus",
    "TooManyAddresses",
    "add_address",
    "address_of",
    "addresses_of",
    "agree",
    "by_openid",
    "by_public_id",
    "change_address",
    "check_person",
    "consents_of",
    "correct_followers",
    "default_address",
    "delete_address",
    "enter",
    "erase",
    "followers",
    "get",
    "has_agreed",
    "hold",
    "locked",
    "make_default",
    "mark_subscribed",
    "names_of",
    "regions",
    "rename",
    "set_profile",
]
