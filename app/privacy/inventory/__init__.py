"""Everything that is kept of one member, section by section.

A section says what it is for and how long it stays. Rows hold plain values: fen as
whole numbers, times as aware datetimes, states by their stored names. Whoever else
appears (buyers, the upline) does so by a masked name.
"""

from app import members
from app.privacy.inventory import distribution, money, paid_out, person, traces, trade
from app.privacy.parts import Section, registered


def sections(member_id: int) -> list[Section]:
    """What is kept of this member. Raises NotFound."""
    member = members.get(member_id)
    return [
        person.profile(member),
        person.addresses(member_id),
        person.consents(member_id),
        *trade.orders(member_id),
        *traces.said(member_id),
        *traces.looked_at(member_id),
        *distribution.relations(member_id),
        *money.earned(member_id),
        *paid_out.withheld(member_id),
        *paid_out.payees(member_id),
        person.notices(member_id),
        *(part.section(member) for part in registered()),
    ]
