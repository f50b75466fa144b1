"""Publishing: WeChat is spoken to between two units of work."""

from datetime import datetime

import config as configuration
from app import audit
from app.core import web
from app.core.db import db, run_unit
from app.wechat import current
from app.wechat.menus import documents as menu_documents
from app.wechat.menus import queries, remote, service
from app.wechat.menus.documents import Document, Documents, Rules
from app.wechat.menus.errors import MenuBusy, MenuChanged, MenuUnavailable
from app.wechat.menus.models import MenuVersion

HOSTS_FILE = configuration.ROOT / "wechat_menus" / "allowed_hosts.txt"


def rules() -> Rules:
    """What the running app's menus may contain."""
    return Rules(web.settings().public_base_url, menu_documents.read_hosts(HOSTS_FILE))


def at_wechat(names: Documents | None = None) -> Documents:
    """What WeChat has now, as our documents; empty if there is no menu.

    A conditional menu takes the file name that its tag has in `names`.
    Raises MenuUnavailable.
    """
    db.session.rollback()
    found = remote.fetch(current().account.client)
    mall = web.settings().public_base_url
    documents: Documents = {}
    if found.default is not None:
        documents[menu_documents.DEFAULT] = menu_documents.from_wechat(found.default, mall)
    for menu in found.conditional:
        rule: dict[str, str] = {"tag": menu.tag} if menu.tag else {"tag_id": menu.tag_id}
        document: Document = {
            "matchrule": rule,
            **menu_documents.from_wechat(menu.buttons, mall),
        }
        name = menu_documents.file_for(menu.tag or f"id-{menu.tag_id}", names or {})
        # Newest first: an older one for the same tag reaches nobody.
        documents.setdefault(name, document)
    return documents


def publish(
    documents: Documents,
    *,
    actor: audit.Actor,
    now: datetime,
    note: str = "",
    seen_version: int | None = None,
) -> MenuVersion:
    """Check all documents, make them WeChat's only menus, keep the version (发布菜单).

    `seen_version` is the newest version when editing began (0 for none); another
    one by now means that somebody else's work would be lost. Publishing the same
    again is harmless, also after a half-way failure.

    Raises InvalidInput, MenuChanged, MenuBusy, MenuUnavailable.
    """
    limits = rules()
    menu_documents.check(documents, limits)
    documents = menu_documents.with_placeholder(documents, limits.mall)
    note = service.check_note(note)
    try:
        with web.cache().lock("wechat_menu", seconds=40):
            db.session.rollback()
            last = queries.newest()
            if seen_version is not None and (last.id if last else 0) != seen_version:
                raise MenuChanged()
            db.session.rollback()
            sent: list[str] = []
            try:
                remote.publish(current().account.client, documents, limits.mall, sent)
            except MenuUnavailable as error:
                if sent:
                    run_unit(service.record_half, sent, actor=actor, reason=error.message, now=now)
                raise
            return run_unit(service.record, documents, actor=actor, note=note, now=now)
    except TimeoutError:
        raise MenuBusy() from None
