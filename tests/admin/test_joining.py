"""The form and the contract at the desk; inviting; refusing with a ready reason."""

from app.admin.models import Role
from app.core import clock
from app.core.db import db
from app.distribution import DistributorStatus, distributor_of
from app.distribution.joining import contract, form
from tests.admin.desk import fill
from tests.factories import make_member

FORM = {
    "key": ["", "", ""],
    "label": ["手机号", "推广渠道", ""],
    "kind": ["phone", "choice", "text"],
    "needed": ["1", "0", "1"],
    "choices": ["", "朋友圈，社群", ""],
}


def fields():
    db.session.rollback()
    return [
        (f.key, f.label, f.kind.value, f.is_required, f.choices)
        for f in form.fields_of(form.in_force())
    ]


def test_a_form_is_composed_and_keys_stay(session, admin_client):
    desk = admin_client(Role.OPERATIONS)

    assert desk.post("/admin/join/form", data=FORM).status_code == 302
    assert fields() == [
        ("f1", "手机号", "phone", True, ()),
        ("f2", "推广渠道", "choice", False, ("朋友圈", "社群")),
    ]

    changed = {**FORM, "key": ["f1", "f2", ""], "label": ["", "推广渠道", "姓名"]}
    desk.post("/admin/join/form", data=changed)
    assert [key for key, *_ in fields()] == ["f2", "f3"]


def test_a_wrong_form_is_named_and_not_saved(session, admin_client):
    wrong = {**FORM, "choices": ["", "朋友圈", ""]}

    answer = admin_client(Role.OPERATIONS).post("/admin/join/form", data=wrong)

    assert answer.status_code == 422
    assert "选择项需要 2 到 10 个不同的选项" in answer.text
    assert fields() == []


def test_a_contract_is_published_for_a_moment(session, admin_client):
    text = "一、成为分销员完全免费。\n二、佣金只来自真实售出的商品。"
    desk = admin_client(Role.OPERATIONS)

    wrong = desk.post("/admin/join/contract", data={"version": "", "text": text})
    assert wrong.status_code == 422
    assert list(contract.versions()) == []

    data = {"version": "2030-01", "text": text, "effective_at": "2099-01-01T00:00"}
    assert desk.post("/admin/join/contract", data=data).status_code == 302
    (row,) = contract.versions()
    assert (row.version, row.effective_at.isoformat()) == ("2030-01", "2098-12-31T16:00:00+00:00")
    assert contract.in_force(clock.now()).version == contract.BUILT_IN_VERSION
    assert "待生效" in desk.get("/admin/join/contract").text


def test_a_member_is_invited(session, admin_client):
    member = make_member("王小芳")
    desk = admin_client(Role.OPERATIONS)

    desk.post(f"/admin/bindings/{member.id}/invite", data={"reason": ""})
    db.session.rollback()
    assert distributor_of(member.id) is None

    desk.post(f"/admin/bindings/{member.id}/invite", data={"reason": "老顾客"})
    db.session.rollback()
    assert distributor_of(member.id).status is DistributorStatus.INVITED


def test_a_ready_reason_refuses_as_well(session, admin_client):
    desk = fill()
    data = {"reason": "", "quick": "与已有分销员重复"}

    admin_client(Role.OPERATIONS).post(f"/admin/distributors/{desk.applicant.id}/reject", data=data)

    db.session.rollback()
    assert distributor_of(desk.applicant.member_id).decision_note == "与已有分销员重复"
