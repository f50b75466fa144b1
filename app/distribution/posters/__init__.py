"""Posters (推广海报): pictures with a distributor's code, composed by the server.

- `layout` is what an admin lays out: a ground and parts with places and sizes, for
  a distributor or for a product. `starters` are ready to use; a shop's own come first.
- `drawing` composes. What all distributors share (ground, product, fixed words) is
  kept in memory; avatar, name and code are drawn upon it. The quiet zone belongs to
  the code's own box, so that no ground can spoil it.
- `files` keeps what was composed under a hash of everything that is to be seen, and
  avatars under a hash of their address. Both are caches: deleting them costs time only.
- `fonts` finds a font with Chinese; what a font cannot draw is left out, because a
  poster with boxes in it looks broken.
"""

from app.distribution.posters import files, fonts
from app.distribution.posters.drawing import Facts, Person, Product, compose, sample
from app.distribution.posters.layout import (
    HEIGHT,
    QR_MIN,
    WIDTH,
    Audience,
    CodeKind,
    InvalidLayout,
    Layout,
    Part,
    PartKind,
    faults,
    read,
    write,
)
from app.distribution.posters.models import PosterTemplate
from app.distribution.posters.queries import Choice, choice, choices, get, page_of
from app.distribution.posters.service import TemplateInput, move, remove, save, switch
from app.distribution.posters.starters import STARTERS

__all__ = [
    "HEIGHT",
    "QR_MIN",
    "STARTERS",
    "WIDTH",
    "Audience",
    "Choice",
    "CodeKind",
    "Facts",
    "InvalidLayout",
    "Layout",
    "Part",
    "PartKind",
    "Person",
    "PosterTemplate",
    "Product",
    "TemplateInput",
    "choice",
    "choices",
    "compose",
    "faults",
    "files",
    "fonts",
    "get",
    "move",
    "page_of",
    "read",
    "remove",
    "sample",
    "save",
    "switch",
    "write",
]
