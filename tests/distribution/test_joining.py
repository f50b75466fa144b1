"""Who may ask, what they fill in, what they agree to, and being invited."""

from collections.abc import Iterator
from datetime import date

import pytest
import sqlalchemy as sa

from app import audit, distribution, outbox, settings
from app.core.db import db, run_unit
from app.core.errors import InvalidInput, NotFound
from app.distribution import Distributor, DistributorStatus
from app.distribution.errors import AlreadyDistributor, MoneyStillOpen
from app.distribution.joining import contract, form, ways
from app.distribution.joining.form import Field, FieldKind
from app.distribution.joining.models import JoinContract, JoinForm
from app.members import Consent, Member
from app.notices import Notice
from app.settings import registry
from tests.factories import (
    ADMIN,
    NOON,
    broken_invariants,
    days,
    give_available,
    make_distributor,
    make_member,
    make_sku,
    paid_order,
    place_order,
)

S = DistributorStatus
NAME = Field("f1", "姓名", FieldKind.TEXT)
PHONE = Field("f2", "手机号", FieldKind.PHONE)
WHERE = Field("f3", "推广渠道", FieldKind.CHOICE, choices=("朋友圈", "社群"))
FANS = Field("f4", "好友人数", FieldKind.NUMBER, is_required=False)
BORN = Field("f5", "生日", FieldKind.BIRTH)
SINCE = Field("f6", "从业日期", FieldKind.DATE, is_required=False)
ALL = [NAME, PHONE, WHERE, FANS, BORN, SINCE]
GOOD = {
    "f1": " 王芳 ",
    "f2": "13812345678",
    "f3": "社群",
    "f4": "300",
    "f5": "1995-08-20",
    "f6": "2020-02-29",
}


def apply(member: Member, now=NOON, **answers: str) -> Distributor:
    return run_unit(
        distribution.apply,
        member.id,
        statement="",
        agreed_version=contract.in_force(now).version,
        answers=answers,
        now=now,
    )


def compose(*fields: Field) -> JoinForm:
    return run_unit(form.save, list(fields), actor=ADMIN, now=NOON)


def rule(setting: settings.Setting, value: object) -> None:
    run_unit(settings.change, setting.key, value, actor=ADMIN, now=NOON)


def standing(member: Member) -> Distributor | None:
    db.session.rollback()
    return distribution.distributor_of(member.id)


@pytest.fixture
def paid_ways() -> Iterator[None]:
    ways.configure(allow_paid=True)
    yield
    ways.configure(allow_paid=False)


# --- ways in --------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["purchase", "spending"])
def test_a_paid_way_is_refused_unless_the_server_allows_it(session, way):
    with pytest.raises(InvalidInput, match="合规风险") as refused:
        rule(registry.JOIN_MODE, way)

    assert refused.value.field == "distribution.join_mode"
    assert settings.value(registry.JOIN_MODE) == "review"


def test_a_paid_way_that_was_switched_off_again_is_a_review(session, paid_ways):
    rule(registry.JOIN_MODE, "spending")
    ways.configure(allow_paid=False)

    assert apply(make_member()).status is S.APPLIED


def test_by_invitation_only_nobody_asks(session):
    rule(registry.JOIN_MODE, "invited")
    member = make_member()

    with pytest.raises(ways.NotOpen, match="目前只接受商家邀请加入"):
        apply(member)

    assert standing(member) is None


def test_by_spending_whoever_spent_enough_is_let_in(session, paid_ways):
    rule(registry.JOIN_MODE, "spending")
    rule(registry.JOIN_SPENDING_FEN, 200_00)
    member, sku = make_member(), make_sku(price_fen=100_00)
    paid_order(member, sku)
    place_order(member, sku)

    with pytest.raises(ways.NotOpen, match=r"满 ¥200\.00 后可以申请，你已消费 ¥100\.00"):
        apply(member)
    assert standing(member) is None

    paid_order(member, sku)
    assert apply(member).status is S.APPROVED


def test_by_purchase_whoever_bought_one_of_the_products_is_let_in(session, paid_ways):
    wanted, other = make_sku(), make_sku()
    rule(registry.JOIN_MODE, "purchase")
    rule(registry.JOIN_PRODUCTS, f"999,{wanted.product_id}")
    member = make_member()
    paid_order(member, other)
    place_order(member, wanted)

    with pytest.raises(ways.NotOpen, match="购买指定商品后可以申请"):
        apply(member)
    assert standing(member) is None

    paid_order(member, wanted)
    assert apply(member).status is S.APPROVED


# --- being invited --------------------------------------------------------------------


def invite(member: Member, reason: str = "老顾客") -> Distributor:
    return run_unit(distribution.invite, member.id, reason=reason, actor=ADMIN, now=NOON)


@pytest.mark.parametrize("mode", ["review", "open", "invited"])
def test_an_invited_member_agrees_and_is_in(session, mode):
    rule(registry.JOIN_MODE, mode)
    member = make_member()

    seat = invite(member)
    assert (seat.status, distribution.is_active(member.id)) == (S.INVITED, False)
    outbox.drain(NOON)
    told = db.session.scalars(sa.select(Notice).filter_by(member_id=member.id)).one()
    assert (told.kind, told.values["reason"]) == ("distributor_invited", "老顾客")

    apply(member)

    assert standing(member).status is S.APPROVED
    assert [m.to_state for m in audit.moves_of("distributor", seat.id)] == [
        "invited",
        "applied",
        "approved",
    ]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Consent)) == 1
    assert broken_invariants() == {}


def test_a_refused_member_may_be_invited(session):
    member = make_member()
    seat = apply(member)
    run_unit(distribution.reject, seat.id, reason="资料不全", actor=ADMIN, now=NOON)

    assert invite(member).status is S.INVITED
    assert broken_invariants() == {}


def test_whoever_stands_already_is_not_invited(session):
    member = make_distributor()

    with pytest.raises(AlreadyDistributor, match="对方已经是分销员"):
        invite(member)

    assert standing(member).status is S.APPROVED


def test_an_invitation_says_why_and_is_for_somebody(session):
    member = make_member()

    with pytest.raises(InvalidInput, match="请填写邀请原因"):
        invite(member, " ")
    with pytest.raises(NotFound, match="会员不存在"):
        invite(Member(id=404))

    assert standing(member) is None


# --- the form -------------------------------------------------------------------------


def test_answers_are_kept_in_their_types_with_the_version(session):
    made = compose(*ALL)

    seat = apply(make_member(), **GOOD)

    assert seat.form_id == made.id
    assert seat.answers == {
        "f1": "王芳",
        "f2": "13812345678",
        "f3": "社群",
        "f4": 300,
        "f5": "1995-08-20",
        "f6": "2020-02-29",
    }
    stored = db.session.execute(sa.text("SELECT sealed_answers FROM distributors")).scalar_one()
    assert "13812345678" not in stored


def test_what_is_not_required_may_be_left_out(session):
    compose(*ALL)

    seat = apply(make_member(), **{**GOOD, "f4": "", "f6": " "})

    assert set(seat.answers) == {"f1", "f2", "f3", "f5"}


@pytest.mark.parametrize(
    ("key", "typed", "says"),
    [
        ("f1", "", "请填写姓名"),
        ("f1", "字" * 201, "姓名最多 200 个字"),
        ("f2", "1381234567", "手机号应为 11 位手机号码"),
        ("f2", "１３８１２３４５６７８", "手机号应为 11 位手机号码"),
        ("f3", "", "请选择推广渠道"),
        ("f3", "电视", "请从列出的选项里选择推广渠道"),
        ("f4", "3.5", "好友人数应为 0 到 1000000000 的整数"),
        ("f4", "-1", "好友人数应为"),
        ("f4", "9" * 400, "好友人数应为"),
        ("f5", "1995-13-01", "请选择生日"),
        ("f5", "2008-11-22", "年满 18 周岁才能成为分销员"),
        ("f6", "0001-01-01", "请选择从业日期"),
    ],
)
def test_a_wrong_answer_is_named_and_nobody_applied(session, key, typed, says):
    compose(*ALL)
    member = make_member()

    with pytest.raises(InvalidInput, match=says) as refused:
        apply(member, **{**GOOD, key: typed})

    assert refused.value.field == f"answer.{key}"
    assert standing(member) is None


def test_whoever_is_of_age_today_may_apply(session):
    compose(BORN)

    assert apply(make_member(), f5="2008-11-21").status is S.APPLIED


@pytest.mark.parametrize(
    ("born", "today", "years"),
    [
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 11, 21), date(2026, 11, 21), 18),
    ],
)
def test_years_are_counted_on_birthdays(born, today, years):
    assert form.age(born, today) == years


def test_an_older_application_keeps_what_it_answered(session):
    first = compose(NAME)
    seat = apply(make_member(), f1="王芳")

    compose(WHERE)

    assert form.fields_of(form.by_id(seat.form_id)) == [NAME]
    assert (seat.form_id, seat.answers) == (first.id, {"f1": "王芳"})


def test_saving_the_same_form_again_makes_no_version(session):
    assert compose(NAME, PHONE).id == compose(NAME, PHONE).id


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ([Field("f1", "", FieldKind.TEXT)], "label.0", "1 到 20 个字"),
        ([NAME, Field("f9", "姓名", FieldKind.DATE)], "label.0", "有两项都叫"),
        ([Field("f1", "渠道", FieldKind.CHOICE, choices=("一",))], "choices.0", "2 到 10 个"),
        ([Field(f"f{n}", f"第{n}项", FieldKind.TEXT) for n in range(11)], "fields", "最多 10 项"),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(session, fields, field, says):
    with pytest.raises(InvalidInput, match=says) as refused:
        compose(*fields)

    assert refused.value.field == field
    assert form.in_force() is None


def test_a_phone_that_another_gave_is_looked_at_even_in_an_open_shop(session):
    rule(registry.JOIN_MODE, "open")
    compose(PHONE)
    first = apply(make_member(), f2="13812345678")
    assert first.status is S.APPROVED

    second = apply(make_member(), f2="13812345678")
    third = apply(make_member(), f2="13912345678")

    assert (second.status, third.status) == (S.APPLIED, S.APPROVED)
    assert [row.id for row in distribution.same_phone(second)] == [first.id]
    assert list(distribution.same_phone(third)) == []


# --- the contract ---------------------------------------------------------------------

TEXT = "一、成为分销员完全免费。二、佣金只来自真实售出的商品。"


def publish(version: str = "2026-12", text: str = TEXT, at=NOON) -> JoinContract:
    return run_unit(contract.publish, version, text, effective_at=at, actor=ADMIN, now=NOON)


def test_a_new_version_is_agreed_to_from_its_moment_on(session):
    publish(at=NOON + days(1))
    assert contract.in_force(NOON).version == contract.BUILT_IN_VERSION
    member = make_member()

    with pytest.raises(InvalidInput, match="请先阅读并同意") as refused:
        run_unit(
            distribution.apply,
            member.id,
            statement="",
            agreed_version=contract.BUILT_IN_VERSION,
            now=NOON + days(1),
        )
    assert refused.value.field == "agreed"
    assert standing(member) is None

    apply(member, now=NOON + days(1))
    kept = db.session.scalars(sa.select(Consent).filter_by(member_id=member.id)).one()
    assert (kept.version, kept.text_hash, kept.agreed_at) == (
        "2026-12",
        contract.Contract("2026-12", TEXT).hash,
        NOON + days(1),
    )


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"version": "第二版"}, "version"),
        ({"version": "2026-11"}, "version"),
        ({"text": "太短"}, "text"),
        ({"at": NOON - days(1)}, "effective_at"),
    ],
)
def test_a_version_that_makes_no_sense_is_refused(session, given, field):
    with pytest.raises(InvalidInput) as refused:
        publish(**given)

    assert refused.value.field == field
    assert list(contract.versions()) == []


def test_a_version_is_written_once(session):
    publish()

    with pytest.raises(InvalidInput, match="已有版本 2026-12"):
        publish(text=TEXT * 2)

    assert contract.in_force(NOON).text == TEXT


# --- leaving --------------------------------------------------------------------------


def test_what_is_open_is_said_in_yuan(session):
    member = make_distributor()
    give_available(member, 12_34)
    seat = distribution.distributor_of(member.id)

    with pytest.raises(MoneyStillOpen, match=r"可提现的 ¥12\.34，请先提现"):
        run_unit(distribution.close, seat.id, actor=audit.Actor.member(member.id), now=NOON)

    assert standing(member).status is S.APPROVED


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        ("suspend", "distributor_suspended"),
        ("restore", "distributor_restored"),
        ("close", "distributor_closed"),
    ],
)
def test_every_change_of_standing_is_told(session, act, kind):
    member = make_distributor()
    seat = distribution.distributor_of(member.id)
    run_unit(distribution.suspend, seat.id, reason="核实中", actor=ADMIN, now=NOON)
    if act != "suspend":
        run_unit(getattr(distribution, act), seat.id, actor=ADMIN, now=NOON)

    outbox.drain(NOON)

    kinds = db.session.scalars(sa.select(Notice.kind).filter_by(member_id=member.id)).all()
    assert kind in kinds
    if act == "suspend":
        rows = db.session.scalars(sa.select(Notice).filter_by(kind=kind))
        assert [row.values["reason"] for row in rows] == ["核实中"]
