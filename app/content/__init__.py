"""What the shop shows besides its goods (内容): the home page and its versions.

`sharing` has what distributors share and learn from.

`blocks` are the kinds of blocks, each with typed content that is checked when it
is written; `links` says where a block may lead; `home` puts together what the
phone shows.

- The draft is the set of blocks without a version. Publishing copies it whole: a
  home page that is half new is worse than an old one.
- A version never changes. The newest is what people see; an older one is brought
  back by copying it into the draft, to be looked at before it is published.
- From when until when a block is shown is asked at each query, so that no job has
  to run on the minute.
- Where nothing is published, or nothing of it is shown now, the mall falls back to
  its categories and products: a home page is never empty while there are goods.
"""

from app.content import sharing
from app.content.blocks import (
    Banner,
    Categories,
    Content,
    Kind,
    Line,
    Notice,
    Picture,
    Pictures,
    Products,
    blank,
    read,
)
from app.content.errors import NothingToPublish
from app.content.home import Section, compose
from app.content.links import Places
from app.content.models import HomeBlock, HomeVersion
from app.content.queries import (
    block,
    draft,
    has_changes,
    newest,
    shown,
    shown_of_draft,
    shown_of_version,
    version,
    versions_page,
)
from app.content.service import (
    BlockInput,
    arrange,
    faults,
    move,
    publish,
    remove,
    restore,
    save,
    switch,
)

__all__ = [
    "Banner",
    "BlockInput",
    "Categories",
    "Content",
    "HomeBlock",
    "HomeVersion",
    "Kind",
    "Line",
    "Notice",
    "NothingToPublish",
    "Picture",
    "Pictures",
    "Places",
    "Products",
    "Section",
    "arrange",
    "blank",
    "block",
    "compose",
    "draft",
    "faults",
    "has_changes",
    "move",
    "newest",
    "publish",
    "read",
    "remove",
    "restore",
    "save",
    "sharing",
    "shown",
    "shown_of_draft",
    "shown_of_version",
    "switch",
    "version",
    "versions_page",
]
