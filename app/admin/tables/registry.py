"""Every list by its name."""

from app.admin.tables.books import BONUS_RUNS, BREAKS, DAYS
from app.admin.tables.goods import PRODUCTS
from app.admin.tables.kinds import Listing
from app.admin.tables.log import AUDIT
from app.admin.tables.money import COMMISSIONS, WITHDRAWALS
from app.admin.tables.orders import AFTERSALES, ORDERS, PICKUPS
from app.admin.tables.papers import INVOICES, PAYOUT_BATCHES, REVIEWS
from app.admin.tables.people import DISTRIBUTORS, MEMBERS
from app.admin.tables.relations import BINDINGS, DEBTS, LEVEL_CHANGES, ODDITIES, SCANS
from app.admin.tables.running import JOB_RUNS, NOTICES, STOCK_MOVES
from app.core.errors import NotFound

LISTINGS: dict[str, Listing] = {
    found.name: found
    for found in (
        ORDERS,
        AFTERSALES,
        PICKUPS,
        PRODUCTS,
        MEMBERS,
        DISTRIBUTORS,
        COMMISSIONS,
        WITHDRAWALS,
        INVOICES,
        REVIEWS,
        PAYOUT_BATCHES,
        BONUS_RUNS,
        BREAKS,
        DAYS,
        STOCK_MOVES,
        BINDINGS,
        SCANS,
        LEVEL_CHANGES,
        DEBTS,
        ODDITIES,
        NOTICES,
        JOB_RUNS,
        AUDIT,
    )
}


def listing(name: str) -> Listing:
    """Raises NotFound."""
    if name not in LISTINGS:
        raise NotFound("没有这个列表")
    return LISTINGS[name]
