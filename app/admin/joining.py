"""Joining at the desk: the form, the contract, inviting a member."""

from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import distribution
from app.admin import auth, people, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput
from app.distribution.joining import contract, form
from app.distribution.joining.form import Field, FieldKind


@bp.get("/join/form")
@requires(Permission.DISTRIBUTOR_VIEW)
def join_form() -> ResponseReturnValue:
    return _form(form.fields_of(form.in_force()))


@bp.post("/join/form")
@requires(Permission.JOIN_CHANGE)
def join_form_save() -> ResponseReturnValue:
    fields = _read_fields()
    try:
        run_unit(form.save, fields, actor=auth.actor(), now=clock.now())
    except InvalidInput as error:
        return _form(fields, {error.field or "fields": error.message}), error.status
    flash("申请表已保存，之后的申请按新表填写")
    return redirect(url_for(".join_form"))


@bp.get("/join/contract")
@requires(Permission.DISTRIBUTOR_VIEW)
def join_contract() -> ResponseReturnValue:
    return _contract()


@bp.post("/join/contract")
@requires(Permission.JOIN_CHANGE)
def join_contract_publish() -> ResponseReturnValue:
    now = clock.now()
    try:
        run_unit(
            contract.publish,
            web.form_text("version", 30),
            request.form.get("text", ""),
            effective_at=_moment(request.form.get("effective_at", ""), now),
            actor=auth.actor(),
            now=now,
        )
    except InvalidInput as error:
        return _contract({error.field or "text": error.message}), error.status
    flash("新版约定已保存，到生效时间起，申请人须同意新版")
    return redirect(url_for(".join_contract"))


@bp.post("/bindings/<int:member_id>/invite")
@requires(Permission.DISTRIBUTOR_REVIEW)
def distributor_invite(member_id: int) -> ResponseReturnValue:
    try:
        run_unit(
            distribution.invite,
            member_id,
            reason=web.form_text("reason"),
            actor=auth.actor(),
            now=clock.now(),
        )
    except DomainError as error:
        flash(error.message, "error")
    else:
        flash("已邀请，对方同意合作约定后即成为分销员")
    return redirect(url_for(".binding", member_id=member_id))


def _form(fields: list[Field], errors: dict[str, str] | None = None) -> str:
    may_change = auth.allowed(Permission.JOIN_CHANGE)
    # Empty rows to type new ones into.
    blank = min(3, form.FIELDS_MAX - len(fields)) if may_change else 0
    return render_template(
        "admin/join_form.html",
        fields=[*fields, *[Field("", "", FieldKind.TEXT, False)] * blank],
        kinds=list(words.people.FIELD_KIND.items()),
        saved=form.in_force(),
        may_change=may_change,
        errors=errors or {},
    )


def _read_fields() -> list[Field]:
    """The rows that have a name, in their order; new ones get the next free key."""
    rows = zip(
        *(request.form.getlist(name) for name in ("key", "label", "kind", "needed", "choices")),
        strict=False,
    )
    named = [row for row in list(rows)[: form.FIELDS_MAX + 5] if row[1].strip()]
    taken = {key for key, *_ in named if key}
    known = form.in_force()
    taken |= {row["key"] for row in (known.fields if known else [])}
    fields = []
    for typed_key, label, kind, needed, choices in named:
        key = typed_key
        if not (key.isalnum() and len(key) <= 8):
            key = next(f"f{n}" for n in range(1, 1000) if f"f{n}" not in taken)
        taken.add(key)
        parts = (part.strip() for part in choices.replace("，", ",").split(","))
        fields.append(
            Field(
                key,
                " ".join(label.split()),
                FieldKind(kind) if kind in list(FieldKind) else FieldKind.TEXT,
                needed == "1",
                tuple(dict.fromkeys(part for part in parts if part)) if kind == "choice" else (),
            )
        )
    return fields


def _contract(errors: dict[str, str] | None = None) -> str:
    now = clock.now()
    rows = contract.versions()
    return render_template(
        "admin/join_contract.html",
        agreed=contract.in_force(now),
        rows=rows,
        writers=people.names(row.created_by for row in rows),
        now=now,
        may_change=auth.allowed(Permission.JOIN_CHANGE),
        typed=request.form,
        errors=errors or {},
    )


def _moment(typed: str, now: datetime) -> datetime:
    """What a date and time field says, in Shanghai; now for an empty one."""
    if not typed.strip():
        return now
    try:
        said = datetime.fromisoformat(typed.strip())
    except ValueError:
        raise InvalidInput("effective_at", "请选择生效时间，或留空立即生效") from None
    if said.tzinfo is not None or not 2000 <= said.year < 9999:
        raise InvalidInput("effective_at", "请选择生效时间，或留空立即生效")
    return clock.as_utc(said.replace(tzinfo=clock.SHANGHAI))
