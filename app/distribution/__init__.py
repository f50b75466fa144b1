"""Distributors (分销员): joining, referral codes, and who belongs to whom.

- `service` joins, approves, suspends; makes referral codes. `joining` has who may
  ask, the form, the contract.
- `binding` decides whom a code binds. Every attempt leaves a row that says what
  came of it and why. `policy` has the shop's rules: first touch for good, a span
  of protection, or the last touch; at once, by a scan only, or with the next order.
  Only an active distributor binds; nobody binds themselves, nor anyone above them,
  along the whole chain.
- `tree` is the only writer of a member's uplines, and says which locks make moves
  at the same time safe.
- `moves` is what an admin changes in the tree by hand; `appeals` are members'
  words that their inviter is wrong, and the answers.
- `channels` are codes of the shop's own, for campaigns and shops, and the record of
  every scan and visit by any code.
- `team` lists who is below, with what each of them brought, and the rankings.
- `posters` composes pictures with a distributor's code.
- `chain` tells who sits above a buyer, with level and standing, for the order to
  copy. Paid orders never look at the tree again.
"""

from app.distribution import appeals, moves, policy
from app.distribution.appeals import forget
from app.distribution.binding import bind, bind_by_order
from app.distribution.models import (
    AttemptResult,
    BindingAttempt,
    BindingSource,
    Distributor,
    DistributorStatus,
    ReferralCode,
)
from app.distribution.ports import configure
from app.distribution.queries import (
    SCENE_RENEWED_BEFORE,
    Seat,
    attempt_by_id,
    binding_history,
    bound_by,
    chain,
    closed_among,
    code_owner,
    code_text,
    codes_to_renew,
    counts_by_status,
    desk_attempts,
    desk_distributors,
    distributor_by_id,
    distributor_of,
    distributors_of,
    find_members,
    following_openids,
    is_active,
    is_valid,
    member_by_code,
    members_of,
    same_phone,
    sharing_code,
    team_counts,
)
from app.distribution.service import (
    CONTRACT,
    CONTRACT_VERSION,
    apply,
    approve,
    close,
    invite,
    keep_scene,
    leave,
    open_money,
    referral_code,
    reject,
    restore,
    suspend,
)

__all__ = [
    "SCENE_RENEWED_BEFORE",
    "invite",
    "open_money",
    "same_phone",
    "appeals",
    "moves",
    "policy",
    "forget",
    "find_members",
    "member_by_code",
    "distributors_of",
    "bound_by",
    "desk_attempts",
    "CONTRACT",
    "CONTRACT_VERSION",
    "AttemptResult",
    "BindingAttempt",
    "BindingSource",
    "Distributor",
    "DistributorStatus",
    "ReferralCode",
    "Seat",
    "apply",
    "approve",
    "attempt_by_id",
    "bind",
    "bind_by_order",
    "binding_history",
    "chain",
    "close",
    "closed_among",
    "code_owner",
    "code_text",
    "codes_to_renew",
    "configure",
    "counts_by_status",
    "distributor_by_id",
    "distributor_of",
    "following_openids",
    "is_active",
    "is_valid",
    "keep_scene",
    "leave",
    "members_of",
    "desk_distributors",
    "referral_code",
    "reject",
    "restore",
    "sharing_code",
    "suspend",
    "team_counts",
]
