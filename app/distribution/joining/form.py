"""What applicants fill in (申请表): fields that admins compose, answers that are checked."""

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from app import audit
from app.core import clock
from app.core.db import db, require_transaction
from app.core.errors import InvalidInput
from app.distribution.joining.models import JoinForm

FIELDS_MAX = 10
LABEL_CHARS_MAX = 20
TEXT_CHARS_MAX = 200
CHOICES_MAX = 10
NUMBER_MAX = 10**9
ADULT_YEARS = 18
_PHONE = re.compile(r"1[3-9]\d{9}", re.ASCII)

Answer = str | int


class FieldKind(enum.StrEnum):
    TEXT = "text"
    CHOICE = "choice"
    PHONE = "phone"
    NUMBER = "number"
    DATE = "date"
    BIRTH = "birth"  # a date, and the applicant must be of age


@dataclass(frozen=True)
class Field:
    """One question. `key` stays the same over the versions of the form."""

    key: str
    label: str
    kind: FieldKind
    is_required: bool = True
    choices: tuple[str, ...] = ()

    def read(self, typed: str, today: date) -> Answer | None:
        """The answer in its own type, None for one left out. Raises InvalidInput."""
        said = typed.strip()
        if not said:
            if self.is_required:
                verb = "选择" if self.kind in _PICKED else "填写"
                raise self._wrong(f"请{verb}{self.label}")
            return None
        if self.kind is FieldKind.TEXT:
            if len(said) > TEXT_CHARS_MAX:
                raise self._wrong(f"{self.label}最多 {TEXT_CHARS_MAX} 个字")
            return said
        if self.kind is FieldKind.CHOICE:
            if said not in self.choices:
                raise self._wrong(f"请从列出的选项里选择{self.label}")
            return said
        if self.kind is FieldKind.PHONE:
            if not _PHONE.fullmatch(said):
                raise self._wrong(f"{self.label}应为 11 位手机号码")
            return said
        if self.kind is FieldKind.NUMBER:
            if not (said.isascii() and said.isdigit() and int(said[:12]) <= NUMBER_MAX):
                raise self._wrong(f"{self.label}应为 0 到 {NUMBER_MAX} 的整数")
            return int(said)
        return self._read_date(said, today)

    def document(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "label": self.label,
            "kind": self.kind.value,
            "is_required": self.is_required,
            "choices": list(self.choices),
        }

    def _read_date(self, said: str, today: date) -> str:
        try:
            day = date.fromisoformat(said)
        except ValueError:
            raise self._wrong(f"请选择{self.label}，例如 1995-08-20") from None
        if not 1900 <= day.year <= 2100:
            raise self._wrong(f"请选择{self.label}，例如 1995-08-20")
        if self.kind is FieldKind.BIRTH and age(day, today) < ADULT_YEARS:
            raise self._wrong(f"年满 {ADULT_YEARS} 周岁才能成为分销员，请核对{self.label}")
        return day.isoformat()

    def _wrong(self, says: str) -> InvalidInput:
        return InvalidInput(f"answer.{self.key}", says)


_PICKED = (FieldKind.CHOICE, FieldKind.DATE, FieldKind.BIRTH)


def age(born: date, today: date) -> int:
    """Whole years; who is born on 29 February is older from 1 March on."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def in_force() -> JoinForm | None:
    """The newest version; None before a shop composed one."""
    return db.session.scalar(sa.select(JoinForm).order_by(JoinForm.id.desc()).limit(1))


def fields_of(form: JoinForm | None) -> list[Field]:
    return [
        Field(
            row["key"],
            row["label"],
            FieldKind(row["kind"]),
            row["is_required"],
            tuple(row["choices"]),
        )
        for row in (form.fields if form else [])
    ]


def by_id(form_id: int | None) -> JoinForm | None:
    return db.session.get(JoinForm, form_id) if form_id is not None else None


def read(fields: Sequence[Field], typed: Mapping[str, str], now: datetime) -> dict[str, Answer]:
    """Every answer in its type, by the field's key. Raises InvalidInput naming the field."""
    today = clock.local(now).date()
    answers = {field.key: field.read(typed.get(field.key, ""), today) for field in fields}
    return {key: answer for key, answer in answers.items() if answer is not None}


def save(fields: Sequence[Field], *, actor: audit.Actor, now: datetime) -> JoinForm:
    """Put a new version in force; the same again leaves no trace.

    Raises InvalidInput, naming `label.<n>` or `choices.<n>` of the field at fault.
    """
    require_transaction()
    if len(fields) > FIELDS_MAX:
        raise InvalidInput("fields", f"申请表最多 {FIELDS_MAX} 项")
    for number, field in enumerate(fields):
        _check(number, field, fields)
    known = in_force()
    document = [field.document() for field in fields]
    if (known.fields if known else []) == document and known is not None:
        return known
    row = JoinForm(fields=document, created_by=actor.ref, created_at=now)
    db.session.add(row)
    db.session.flush()
    audit.record(
        "join.form",
        subject="join_form",
        subject_id=row.id,
        actor=actor,
        now=now,
        before={"fields": [f.label for f in fields_of(known)]},
        after={"fields": [f.label for f in fields]},
    )
    return row


def _check(number: int, field: Field, fields: Sequence[Field]) -> None:
    if not field.label or len(field.label) > LABEL_CHARS_MAX:
        raise InvalidInput(f"label.{number}", f"名称为 1 到 {LABEL_CHARS_MAX} 个字")
    if [other.label for other in fields].count(field.label) > 1:
        raise InvalidInput(f"label.{number}", f"有两项都叫“{field.label}”，请改一个名称")
    if field.kind is FieldKind.CHOICE:
        if not 2 <= len(set(field.choices)) <= CHOICES_MAX:
            raise InvalidInput(f"choices.{number}", f"选择项需要 2 到 {CHOICES_MAX} 个不同的选项")
        if any(len(choice) > LABEL_CHARS_MAX for choice in field.choices):
            raise InvalidInput(f"choices.{number}", f"每个选项最多 {LABEL_CHARS_MAX} 个字")
