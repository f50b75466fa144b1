"""Bonuses at the desk: the editor, publishing, and the two people of a run."""

from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from app import distribution, ledger
from app.admin.models import Admin
from app.commission import bonus
from app.commission.bonus import BonusResult, BonusVersion, ResultState
from app.core import clock
from app.core.db import db, run_unit, transaction
from app.distribution import levels
from tests.admin.desk import a_bonus, acts, fresh
from tests.commission.bonus.ground import give_shop
from tests.factories import ADMIN, make_distributor, make_level

FORM = {
    "name": "季度冲刺奖",
    "note": "卖得越多，比例越高",
    "metric": "personal_profit",
    "period": "quarter",
    "tier_mode": "marginal",
    "reward": "cash",
    "step.from": ["0", "10,000", "", ""],
    "step.value": ["2", "3.5", "", ""],
    "step.unit": ["bps", "bps", "bps", "bps"],
    "min_level": "senior",
    "clean_record": "1",
    "seen": "0",
}


@dataclass(frozen=True)
class Ground:
    """A bonus in force and a computed result of its last month."""

    bonus: BonusResult
    bonus_id: int


@pytest.fixture
def desk(session):
    make_level("senior", 10, "高级分销员")
    earned = a_bonus(make_distributor("陈梅"))
    return Ground(earned, bonus.runs.get(earned.run_id).program_id)


@pytest.fixture
def owner(desk, admin_client):
    return admin_client("owner")


def newest() -> BonusVersion:
    return db.session.scalars(sa.select(BonusVersion).order_by(BonusVersion.id.desc())).first()


def test_a_bonus_is_drafted_as_it_was_typed(owner):
    answer = owner.post("/admin/bonus-new", data=FORM)

    made = newest()
    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        f"/admin/bonuses/{made.program_id}",
    )
    assert (made.name, made.note) == ("季度冲刺奖", "卖得越多，比例越高")
    assert made.document == {
        "metric": "personal_profit",
        "period": "quarter",
        "tier_mode": "marginal",
        "reward": "cash",
        "steps": [{"from": 0, "bps": 200}, {"from": 10_000_00, "bps": 350}],
        "conditions": {"min_level": "senior", "clean_record": True},
    }
    page = owner.get(f"/admin/bonuses/{made.program_id}/edit").text
    assert 'value="10000"' in page
    assert 'value="3.50"' in page


REFUSED = [
    ({"name": " "}, "名称应为 1 到 30 个字"),
    ({"metric": "team_sales"}, "按团队业绩或发展人数给返利有合规风险"),
    ({"min_recruits": "3"}, "按团队业绩或发展人数给返利有合规风险"),
    ({"reward": "coupon"}, "目前只能以现金或积分发放"),
    ({"step.from": ["", ""], "step.value": ["", ""]}, "请至少填写一档奖励"),
    ({"step.value": ["2", "x"]}, "第 2 档的奖励格式不正确"),
    ({"step.value": ["2", "101"]}, "第 2 档的奖励应在 0% 到 100% 之间"),
    ({"step.from": ["5", "5"]}, "第 2 档的起点应高于第 1 档"),
    ({"step.from": ["1e3", "5"]}, "第 1 档的起点格式不正确"),
    ({"step.unit": ["fen", "bps"]}, "分段累进的每一档都应按比例"),
    ({"min_level": "nobody"}, "请选择现有的等级"),
]


def test_what_cannot_be_saved_is_said_and_nothing_is_kept(owner):
    before = newest().id

    for changed, says in REFUSED:
        answer = owner.post("/admin/bonus-new", data={**FORM, **changed})

        assert (answer.status_code, says in answer.text) == (422, True), changed
        assert "卖得越多，比例越高" in answer.text
    assert newest().id == before


def test_a_draft_that_changed_meanwhile_is_not_overwritten(owner, desk):
    answer = owner.post(f"/admin/bonuses/{desk.bonus_id}/edit", data={**FORM, "seen": "7"})

    assert answer.status_code == 409
    assert "草稿刚刚被别人改过" in answer.text
    assert bonus.programs.draft_of(desk.bonus_id).name == "月度销售奖"


def test_the_period_of_a_published_bonus_stays(owner, desk):
    answer = owner.post(f"/admin/bonuses/{desk.bonus_id}/edit", data={**FORM, "seen": "1"})

    assert answer.status_code == 422
    assert "已发布的返利不能改变周期" in answer.text


def test_somebody_else_publishes_from_a_period_on(desk, owner, admin_client):
    owner.post("/admin/bonus-new", data=FORM)
    made = newest()
    span = bonus.rules.span_at(bonus.rules.Period.QUARTER, clock.now())
    given = {"seen": "1", "effective_from": span.start.isoformat()}

    own = owner.post(f"/admin/bonuses/{made.program_id}/publish", data=given)
    assert (own.status_code, fresh(made).status.value) == (409, "draft")
    assert "不能发布自己保存的返利规则" in own.text

    finance = admin_client("finance")
    wrong = finance.post(
        f"/admin/bonuses/{made.program_id}/publish",
        data={**given, "effective_from": "2020-01-01T00:00"},
    )
    assert (wrong.status_code, fresh(made).status.value) == (422, "draft")
    done = finance.post(f"/admin/bonuses/{made.program_id}/publish", data=given)
    assert (done.status_code, fresh(made).effective_from) == (303, span.start)
    assert len(acts("bonus.publish")) == 2


def test_stopping_wants_a_reason_and_a_draft_can_be_deleted(owner, desk):
    path = f"/admin/bonuses/{desk.bonus_id}"
    refused = owner.post(f"{path}/stop", data={"reason": " "})
    program = bonus.queries.bonus_by_id(desk.bonus_id)
    assert (refused.status_code, program.stopped_at) == (422, None)

    owner.post(f"{path}/stop", data={"reason": "活动结束"})
    owner.post(f"{path}/remove")

    assert fresh(program).stopped_at is not None
    assert acts("bonus.stop")[0].reason == "活动结束"
    late = owner.post(f"{path}/edit", data={**FORM, "period": "month", "seen": "0"})
    assert (late.status_code, "这个返利已停止" in late.text) == (409, True)
    assert bonus.programs.draft_of(desk.bonus_id) is None


# --- runs --------------------------------------------------------------------------


def decide(client, desk, **given):
    data = {"seen": "1", "ids": [str(desk.bonus.id)], **given}
    return client.post(
        f"/admin/bonus-runs/{desk.bonus.run_id}/decide", data=data, follow_redirects=True
    )


def test_one_approves_another_pays(owner, desk, admin_client):
    give_shop(1_000_00)
    path = f"/admin/bonus-runs/{desk.bonus.run_id}/post"

    approved = decide(owner, desk, action="approve-all", ids=[])
    assert "1 人的返利已审核通过" in approved.text
    own = owner.post(path, follow_redirects=True)
    assert "审核和发放须由两位管理员完成" in own.text
    assert fresh(desk.bonus).state is ResultState.APPROVED
    paid = admin_client("finance").post(path, follow_redirects=True)

    assert "已发放 1 人，共 ¥370.37" in paid.text
    assert fresh(desk.bonus).state is ResultState.POSTED
    assert ledger.wallet_of(desk.bonus.member_id).available_fen == 370_37


def test_who_is_suspended_meanwhile_is_left(owner, desk, admin_client):
    decide(owner, desk, action="approve")
    found = distribution.distributor_of(desk.bonus.member_id)
    run_unit(distribution.suspend, found.id, reason="核查", actor=ADMIN, now=clock.now())

    answer = admin_client("finance").post(
        f"/admin/bonus-runs/{desk.bonus.run_id}/post", follow_redirects=True
    )

    assert "还有 1 人没有发放" in answer.text
    assert fresh(desk.bonus).state is ResultState.APPROVED


def test_refusing_asks_for_the_reason_first(owner, desk):
    page = decide(owner, desk, action="refuse")
    assert "不发放的原因" in page.text
    empty = decide(owner, desk, action="refuse", confirmed="1", reason="")
    assert (empty.status_code, fresh(desk.bonus).state) == (422, ResultState.COMPUTED)

    decide(owner, desk, action="refuse", confirmed="1", reason="资料不全")

    assert (fresh(desk.bonus).state, desk.bonus.reason) == (ResultState.REFUSED, "资料不全")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"action": "approve", "ids": []}, "请先勾选要处理的返利"),
        ({"action": "approve", "ids": ["999999"]}, "请先勾选要处理的返利"),
        ({"action": "approve", "seen": "9"}, "这一期刚刚重新计算过"),
    ],
)
def test_a_decision_about_nothing_changes_nothing(owner, desk, given, says):
    assert says in decide(owner, desk, **given).text
    assert fresh(desk.bonus).state is ResultState.COMPUTED


def test_an_admins_own_bonus_is_left_to_others(owner, desk):
    with transaction():
        admin = db.session.scalars(sa.select(Admin)).one()
        admin.member_id = desk.bonus.member_id

    assert "没有可以处理的返利" in decide(owner, desk, action="approve").text
    assert fresh(desk.bonus).state is ResultState.COMPUTED


def test_the_export_has_every_line(owner, desk):
    lines = owner.get(f"/admin/bonus-runs/{desk.bonus.run_id}/export").text.splitlines()

    assert len(lines) == 2
    assert "陈梅" in lines[1]
    assert lines[1].endswith('"¥12,345.67",1,¥370.37,¥0.00,待审核,')


def test_why_is_told_line_by_line(owner, desk):
    page = owner.get(f"/admin/bonus-results/{desk.bonus.id}").text

    assert "达到满 ¥1,000 这一档，全部按 3%" in page
    assert "¥12,345.67 × 3%" in page


def test_the_panel_warns_while_team_bonuses_are_allowed(owner, desk):
    assert "存在合规风险" not in owner.get("/admin/bonuses").text
    levels.configure(allow_team=True)
    try:
        page = owner.get("/admin/bonus-new").text
    finally:
        levels.configure(allow_team=False)

    assert "按团队业绩或人数的条件，存在合规风险" in page
    assert 'value="team_sales"' in page
    assert db.session.scalar(sa.select(sa.func.count()).select_from(BonusResult)) == 1
