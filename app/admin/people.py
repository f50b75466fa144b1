"""Names for the actors and subjects that audit rows store (`admin:3`, `member:7`, `system:settle`)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from flask import url_for

from app import aftersales, audit, integrations, members, orders, withdrawals
from app.admin import words
from app.admin.models import Admin
from app.core.db import db
from app.distribution import channels
from app.wechat import replies


def names(refs: Iterable[str]) -> dict[str, str]:
    """A name for each actor, in two queries whatever their number."""
    wanted = {ref for ref in refs if ref}
    by_kind: dict[str, set[int]] = {"admin": set(), "member": set(), "key": set()}
    for ref in wanted:
        kind, _, rest = ref.partition(":")
        if kind in by_kind and rest.isdigit():
            by_kind[kind].add(int(rest))
    found: dict[str, str] = {}
    if by_kind["admin"]:
        rows = db.session.execute(
            sa.select(Admin.id, Admin.name).where(Admin.id.in_(by_kind["admin"]))
        )
        found |= {f"admin:{admin_id}": name for admin_id, name in rows}
    found |= {
        f"member:{m.id}": m.display_name for m in members.names_of(by_kind["member"]).values()
    }
    if by_kind["key"]:
        called = integrations.keys.names(by_kind["key"])
        found |= {f"key:{key_id}": f"接口·{name}" for key_id, name in called.items()}
    for ref in wanted - found.keys():
        kind, _, rest = ref.partition(":")
        found[ref] = f"系统·{words.audit.SYSTEM.get(rest, rest)}" if kind == "system" else ref
    return found


# Acts that move no state and still belong to a subject's story.
_TOLD = (
    "withdrawal.first_approve",
    "withdrawal.pay_now",
    "distributor.level",
    "order.reveal_phone",
    "order.redeem",
    "aftersale.manual_first",
)


def timeline(
    subject: str,
    subject_id: int,
    said: Mapping[str, words.Word],
    *,
    told: Callable[[str], str] = str,
) -> list[dict[str, Any]]:
    """State moves and telling acts as the kit's timeline wants them, newest first.

    `told` puts the note of a move into words.
    """
    moves = audit.moves_of(subject, subject_id)
    acts = audit.entries_of(subject, subject_id, _TOLD)
    called = names([*(move.actor for move in moves), *(act.actor for act in acts)])
    # An act comes before the moves that it caused at the same moment.
    events: list[dict[str, Any]] = [
        {
            "at": act.at,
            "who": called.get(act.actor, ""),
            "what": words.audit.ACTION.get(act.action, act.action),
            "note": act.reason,
            "tone": "off",
        }
        for act in acts
    ]
    events += [
        {
            "at": move.at,
            "who": called.get(move.actor, ""),
            "what": words.word(said, move.to_state)[0],
            "note": told(move.note),
            "tone": words.word(said, move.to_state)[1],
        }
        for move in moves
    ]
    events.sort(key=lambda event: event["at"])
    return events[::-1]


def acts(subject: str, subject_id: int, actions: Iterable[str]) -> list[dict[str, Any]]:
    """Acts about something without states of its own, as the kit's timeline wants them."""
    found = audit.entries_of(subject, subject_id, actions)
    called = names(act.actor for act in found)
    return [
        {
            "at": act.at,
            "who": called.get(act.actor, ""),
            "what": words.audit.ACTION.get(act.action, act.action),
            "note": act.reason,
            "tone": "off",
        }
        for act in reversed(found)
    ]


# What is called by its number: the words, its page, and the page's argument for it.
_BY_ID = {
    "distributor": ("{}", ".distributor", "distributor_id"),
    "pickup_shop": ("{}", ".pickup_shops", ""),
    "invoice": ("{}", ".invoice", "invoice_id"),
    "level": ("{}", ".levels", ""),
    "review": ("{}", ".review", "review_id"),
    "plan": ("版本 {}", ".plan", "plan_id"),
    "hook": ("推送地址 {}", ".hook", "hook_id"),
    "api_key": ("密钥 {}", ".api_key", "key_id"),
}


def subjects(about: Iterable[tuple[str, int]]) -> dict[tuple[str, int], tuple[str, str]]:
    """A text and the address of its page for each subject that has one."""
    ids: dict[str, set[int]] = defaultdict(set)
    for subject, subject_id in about:
        ids[subject].add(subject_id)
    found: dict[tuple[str, int], tuple[str, str]] = {}
    numbers = {
        "order": {row.id: row.number for row in orders.by_ids(ids["order"]).values()},
        "withdrawal": withdrawals.numbers_by_id(ids["withdrawal"]),
        "aftersale": aftersales.numbers_by_id(ids["aftersale"]),
    }
    for subject, known in numbers.items():
        for row_id, number in known.items():
            found[subject, row_id] = (number, url_for(f".{subject}", number=number))
    for rule in replies.rules() if ids["reply"] else ():
        # One that was removed has no page any more.
        if rule.id in ids["reply"]:
            found["reply", rule.id] = (f"规则 {rule.id}", url_for(".reply", reply_id=rule.id))
    for channel in channels.by_ids(ids["channel"]).values():
        found["channel", channel.id] = (
            channel.name,
            url_for(".channel", channel_id=channel.id),
        )
    for subject, (said, endpoint, argument) in _BY_ID.items():
        for row_id in ids[subject]:
            values = {argument: row_id} if argument else {}
            found[subject, row_id] = (said.format(row_id), url_for(endpoint, **values))  # type: ignore[arg-type]
    return found
