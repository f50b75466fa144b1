"""The lists of members and distributors."""

from collections.abc import Sequence
from typing import Any

from app import distribution, members, orders
from app.admin import words
from app.admin.models import Permission
from app.admin.tables.kinds import Column, Facts, Given, Kind, Listing, Personal
from app.core.db import Rows
from app.distribution import Distributor, DistributorStatus, levels
from app.distribution.joining import form
from app.members import Member, MemberKind


def named(text: str) -> int | None:
    """Whom a referral code, a member's number or an order's number names exactly."""
    found = distribution.member_by_code(text)
    return found if found is not None else orders.buyer_of(text.upper())


def _members(given: Given) -> Rows:
    state, wanted = given.get("state", ""), given.get("wanted", "")[:40]
    return members.desk_members(
        MemberKind(state) if state in {str(known) for known in MemberKind} else None,
        nickname=wanted,
        tag=given.get("tag", "")[: members.tags.NAME_CHARS_MAX],
        member_id=named(wanted) if wanted else None,
    )


def _member_facts(rows: Sequence[Member]) -> Facts:
    ids = [row.id for row in rows]
    return {
        "inviters": members.names_of(row.upline1_id for row in rows if row.upline1_id),
        "bought": orders.bought_by(ids),
        "tagged": members.tags.of_members(ids),
        "seats": {row.member_id: row for row in distribution.distributors_of(ids)},
        "levels": levels.names(),
    }


def _standing(row: Member, facts: Facts) -> str:
    seat = facts["seats"].get(row.id)
    if seat is None:
        return ""
    level = facts["levels"].get(seat.level, seat.level)
    return f"{level} {words.people.DISTRIBUTOR[seat.status][0]}"


def _bought(row: Member, facts: Facts, name: str) -> Any:
    found = facts["bought"].get(row.id)
    return getattr(found, name) if found else None if name == "last_at" else 0


def _inviter(row: Member, facts: Facts) -> str:
    found = facts["inviters"].get(row.upline1_id)
    return found.display_name if found else ""


def _following(row: Member, _facts: Facts) -> str:
    return "已注销" if row.erased_at else "关注中" if row.is_subscribed else "未关注"


MEMBERS = Listing(
    name="members",
    title="会员",
    endpoint="admin.members",
    permission=Permission.MEMBER_VIEW,
    key=Member.id,
    filters=("state", "wanted", "tag"),
    query=_members,
    facts=_member_facts,
    columns=(
        Column("member", "会员", lambda row, _: row.display_name),
        Column("code", "会员号", lambda row, _: row.public_id, is_shown=False),
        Column(
            "openid",
            "微信 openid",
            lambda row, _: row.openid if row.erased_at is None else "",
            personal=Personal.OPENID,
            is_shown=False,
        ),
        Column(
            "tags",
            "标签",
            lambda row, facts: "、".join(facts["tagged"].get(row.id, ())),
            is_shown=False,
        ),
        Column("inviter", "推荐人", _inviter),
        Column("bound", "绑定时间", lambda row, _: row.bound_at, Kind.TIME, is_shown=False),
        Column("standing", "分销身份", _standing),
        Column("orders", "付款订单", lambda row, facts: _bought(row, facts, "orders"), Kind.NUMBER),
        Column("kept", "实际消费", lambda row, facts: _bought(row, facts, "kept_fen"), Kind.MONEY),
        Column("last", "最近下单", lambda row, facts: _bought(row, facts, "last_at"), Kind.TIME),
        Column("created", "加入时间", lambda row, _: row.created_at, Kind.TIME, by=Member.id),
        Column("following", "公众号", _following),
    ),
)


def _distributors(given: Given) -> Rows:
    state = given.get("state", "")
    known = {str(status) for status in DistributorStatus}
    return distribution.desk_distributors(DistributorStatus(state) if state in known else None)


def _distributor_facts(rows: Sequence[Distributor]) -> Facts:
    found = members.names_of(row.member_id for row in rows)
    uplines = members.names_of(one.upline1_id for one in found.values() if one.upline1_id)
    forms = {row.form_id for row in rows if row.form_id}
    return {
        "members": found,
        "uplines": uplines,
        "levels": levels.names(),
        "phones": {
            form_id: [
                field.key
                for field in form.fields_of(form.by_id(form_id))
                if field.kind is form.FieldKind.PHONE
            ]
            for form_id in forms
        },
    }


def _phone(row: Distributor, facts: Facts) -> str:
    """What was filled in where that version of the form asks for a phone."""
    keys = facts["phones"].get(row.form_id, [])
    answers = row.answers if keys else {}
    return next((str(answers[key]) for key in keys if answers.get(key)), "")


def _upline(row: Distributor, facts: Facts) -> str:
    found = facts["uplines"].get(facts["members"][row.member_id].upline1_id)
    return found.display_name if found else ""


DISTRIBUTORS = Listing(
    name="distributors",
    title="分销员",
    endpoint="admin.distributors",
    permission=Permission.DISTRIBUTOR_VIEW,
    key=Distributor.id,
    filters=("state",),
    query=_distributors,
    facts=_distributor_facts,
    columns=(
        Column("member", "会员", lambda row, facts: facts["members"][row.member_id].display_name),
        Column(
            "code",
            "会员号",
            lambda row, facts: facts["members"][row.member_id].public_id,
            is_shown=False,
        ),
        Column("phone", "手机", _phone, personal=Personal.PHONE, is_shown=False),
        Column("level", "等级", lambda row, facts: facts["levels"].get(row.level, row.level)),
        Column("upline", "上级", _upline, is_shown=False),
        Column("statement", "申请说明", lambda row, _: row.statement),
        Column("answer", "审核说明", lambda row, _: row.decision_note, is_shown=False),
        # A second application is a new time in an old row, so no key serves this order.
        Column("applied", "申请时间", lambda row, _: row.applied_at, Kind.TIME),
        Column("approved", "通过时间", lambda row, _: row.approved_at, Kind.TIME),
        Column(
            "status", "状态", lambda row, _: words.word(words.people.DISTRIBUTOR, row.status)[0]
        ),
    ),
)
