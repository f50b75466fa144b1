"""What members like and what they looked at (收藏、浏览足迹).

A favourite remembers what the product cost when it was added, so that the list can
say by how much it fell. A visit is one row a product: looking again only moves its
time. Only the newest hundred are shown, and `tidy` deletes the others and what is
older than 90 days. Who opened the mall on a day is kept as long: the shop counts its
visitors, and the figures of past days keep the sum.
"""

from app.interests.models import Favourite, Visit, VisitorDay
from app.interests.queries import (
    VISITS_SHOWN,
    Liked,
    Seen,
    favourite_count,
    favourites_of,
    is_favourite,
    visits_of,
)
from app.interests.service import (
    FAVOURITES_MAX,
    KEPT_DAYS,
    TooManyFavourites,
    came,
    clear_visits,
    erase,
    like,
    tidy,
    unlike,
    visit,
)

__all__ = [
    "FAVOURITES_MAX",
    "KEPT_DAYS",
    "VISITS_SHOWN",
    "Favourite",
    "Liked",
    "Seen",
    "TooManyFavourites",
    "Visit",
    "VisitorDay",
    "came",
    "clear_visits",
    "erase",
    "favourite_count",
    "favourites_of",
    "is_favourite",
    "like",
    "tidy",
    "unlike",
    "visit",
    "visits_of",
]
