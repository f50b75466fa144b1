"""Who a member is to the tax office: checked, sealed, masked, kept once."""

from datetime import date

import pytest
import sqlalchemy as sa

from app import members, tax
from app.audit import AuditEntry
from app.core.db import db, run_unit
from app.core.errors import InvalidInput
from tests.factories import NOON, make_member

# The sample of GB 11643 itself.
NUMBER = "11010519491231002X"
TODAY = date(2026, 11, 21)


def identify(member, name="欧阳娜娜", number=NUMBER, *, has_agreed=True):
    return run_unit(
        tax.identify, member.id, name=name, number=number, has_agreed=has_agreed, now=NOON
    )


@pytest.mark.parametrize(
    ("name", "number", "kept"),
    [
        ("王芳", NUMBER, ("王芳", NUMBER)),
        (" 王 芳 ", "110105 19491231 002x", ("王芳", NUMBER)),
        ("迪丽热巴•迪力木拉提", NUMBER, ("迪丽热巴·迪力木拉提", NUMBER)),
        ("𠀀〇", NUMBER, ("𠀀〇", NUMBER)),
    ],
)
def test_what_people_type_is_kept_cleanly(name, number, kept):
    assert tax.identity.check(name, number, today=TODAY) == kept


@pytest.mark.parametrize(
    ("name", "number", "field", "says"),
    [
        ("", NUMBER, "name", "请填写真实姓名"),
        ("王", NUMBER, "name", "请填写与身份证一致的中文姓名"),
        ("Wang Fang", NUMBER, "name", "请填写与身份证一致的中文姓名"),
        ("王芳·", NUMBER, "name", "请填写与身份证一致的中文姓名"),
        ("王" * 31, NUMBER, "name", "请填写与身份证一致的中文姓名"),
        ("王芳", "", "number", "请填写身份证号码"),
        ("王芳", "110105491231002", "number", "身份证号码应为 18 位"),
        ("王芳", "１１０１０５１９４９１２３１００２Ｘ", "number", "身份证号码应为 18 位"),
        ("王芳", "110105194912310021", "number", "身份证号码不正确，请核对"),
        # Born on February 30, long ago, and tomorrow, with check digits that fit.
        ("王芳", "110105199002300028", "number", "身份证号码不正确，请核对"),
        ("王芳", "440524188001010014", "number", "身份证号码不正确，请核对"),
        ("王芳", "110105202611220028", "number", "身份证号码不正确，请核对"),
    ],
)
def test_what_cannot_be_is_refused(name, number, field, says):
    with pytest.raises(InvalidInput) as refused:
        tax.identity.check(name, number, today=TODAY)

    assert (refused.value.field, refused.value.message) == (field, says)


def test_it_is_sealed_at_rest_and_masked_on_screen(session):
    member = make_member()

    kept = identify(member)

    stored = db.session.execute(sa.text("SELECT name, number, person FROM tax_identities")).one()
    assert not any("娜" in column or "1949" in column for column in stored)
    assert (kept.masked_name, kept.masked_number) == ("欧***", "1101**********002X")
    assert [(c.document, c.version) for c in members.consents_of(member.id)] == [
        ("identity", tax.identity.VERSION)
    ]
    said = db.session.scalars(sa.select(AuditEntry)).all()
    assert [row.action for row in said] == ["tax.identify"]
    assert "娜" not in str([(row.before, row.after, row.reason) for row in said])


def test_without_consent_nothing_is_kept(session):
    member = make_member()

    with pytest.raises(InvalidInput, match="勾选同意"):
        identify(member, has_agreed=False)

    assert tax.identity_of(member.id) is None
    assert members.consents_of(member.id) == []


def test_saying_it_again_changes_nothing_and_another_is_refused(session):
    member = make_member()
    identify(member)

    identify(member)
    with pytest.raises(tax.AlreadyIdentified):
        identify(member, name="王芳")

    assert tax.identity_of(member.id).name == "欧阳娜娜"
    assert len(members.consents_of(member.id)) == 1
