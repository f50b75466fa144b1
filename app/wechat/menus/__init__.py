"""Menus of the official account (公众号菜单): checked, published, kept as versions.

`documents` reads and checks menus in WeChat's own schema, `remote` speaks to
WeChat, `service` keeps versions, `processes` publishes and looks at what is
there.

- Nothing is sent before every document was checked: WeChat has no transaction,
  and a menu that is half new is worse than an old one.
- Documents say `{mall}` for our address and a tag's name for its id, so that one
  set of documents fits every account.
- A version is a whole set of documents. The newest is what we published last;
  it is compared with what WeChat has, never taken for it.
- With WeChat, the conditional menu that was added last wins; of two for the same
  tag people never see the older, so it is left out when we look.
"""

from app.wechat.menus.documents import (
    BUTTONS_MAX,
    DEFAULT,
    KEY_TYPES,
    SUB_BUTTONS_MAX,
    VALUE_FIELDS,
    Document,
    Documents,
    Rules,
    check,
    differences,
    file_for,
    read,
    read_loosely,
    tag_of,
    write,
)
from app.wechat.menus.errors import MenuBusy, MenuChanged, MenuUnavailable
from app.wechat.menus.models import MenuVersion
from app.wechat.menus.processes import at_wechat, publish, rules
from app.wechat.menus.queries import newest, version, versions_page

__all__ = [
    "BUTTONS_MAX",
    "DEFAULT",
    "KEY_TYPES",
    "SUB_BUTTONS_MAX",
    "VALUE_FIELDS",
    "Document",
    "Documents",
    "MenuBusy",
    "MenuChanged",
    "MenuUnavailable",
    "MenuVersion",
    "Rules",
    "at_wechat",
    "check",
    "differences",
    "file_for",
    "newest",
    "publish",
    "read",
    "read_loosely",
    "rules",
    "tag_of",
    "version",
    "versions_page",
    "write",
]
