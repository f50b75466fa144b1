"""The referral tree at the desk: unfolding, several distributors at once, heads, notes."""

import csv
import io

import pytest
import sqlalchemy as sa

from app import distribution, members
from app.core.db import db, run_unit, transaction
from app.core.errors import InvalidInput, NotFound
from app.distribution import Distributor, DistributorStatus, heads
from app.members import MemberNote
from app.risk import RiskFlag, RiskState
from tests.admin.desk import acts, fill, fresh
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    distributor,
    make_distributor,
    make_member,
)

D = DistributorStatus


@pytest.fixture
def chain(session):
    """Top, middle, low; two customers below low; and a top without a team."""
    top = make_distributor("顶层陈梅")
    middle = make_distributor("中层王芳", under=top)
    low = make_distributor("下层赵磊", under=middle)
    for name in ("客户一", "=客户二"):
        bind(make_member(name), low)
    alone = make_distributor("独自一人")
    return top, middle, low, alone


# --- the tree ----------------------------------------------------------------------


def test_it_starts_at_those_with_nobody_above(chain, admin_client):
    text = admin_client("owner").get("/admin/distributors/tree").text

    assert "顶层陈梅" in text
    assert "独自一人" in text
    assert "中层王芳" not in text
    assert [row.member_id for row in heads.tops().items] == [chain[3].id, chain[0].id]


def test_it_unfolds_one_level(chain, admin_client):
    top, *_ = chain

    text = admin_client("owner").get(f"/admin/distributors/tree/{top.id}").text

    assert "中层王芳" in text
    assert "下层赵磊" not in text
    assert "<html" not in text


def test_a_search_shows_everybody_above_and_who_is_below(chain, admin_client):
    _, _, low, _ = chain

    text = admin_client("owner").get(f"/admin/distributors/tree?q={low.public_id}").text

    path = text[text.index("tree-path") : text.index("tree-here")]
    assert path.index("顶层陈梅") < path.index("中层王芳") < path.index("下层赵磊")
    assert "客户一" in text


def test_more_than_a_page_goes_on_by_key(session, admin_client):
    top = make_distributor("顶层")
    for number in range(21):
        bind(make_member(f"客户{number:02d}号"), top, now=NOON)
    client = admin_client("owner")

    first = client.get(f"/admin/distributors/tree/{top.id}").text
    after = first.split("after=")[1].split('"')[0]
    second = client.get(f"/admin/distributors/tree/{top.id}?after={after}").text

    assert first.count('class="tree-node"') == 20
    assert second.count('class="tree-node"') == 1
    assert "after=" not in second


def test_a_member_who_is_not_there_is_not_found(session, admin_client):
    assert admin_client("owner").get("/admin/distributors/tree/999").status_code == 404
    assert admin_client("owner").get("/admin/distributors/tree?at=999").status_code == 404


# --- heads -------------------------------------------------------------------------


def test_the_whole_tree_is_counted_by_level(chain):
    assert heads.whole() == [(0, 2), (1, 1), (2, 1), (3, 2)]


def test_a_top_is_counted_to_the_bottom_and_the_others_to_three(chain):
    top, middle, low, _ = chain

    found = [(row.member.id, row.is_top, row.level, row.count) for row in heads.by_distributor()]

    assert found == [
        (low.id, False, 1, 2),
        (middle.id, False, 1, 1),
        (middle.id, False, 2, 2),
        (top.id, True, 1, 1),
        (top.id, True, 2, 1),
        (top.id, True, 3, 2),
    ]


def test_chunks_lose_nobody(chain, monkeypatch):
    whole = [(row.standing.id, row.level, row.count) for row in heads.by_distributor()]

    monkeypatch.setattr(heads, "_CHUNK", 1)

    assert [(row.standing.id, row.level, row.count) for row in heads.by_distributor()] == whole


def test_the_file_holds_levels_and_heads_and_runs_no_formula(chain, admin_client):
    top = chain[0]
    run_unit(members.rename, top.id, "=1+1")

    answer = admin_client("owner").post("/admin/distributors/tree/export")

    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert rows[0] == ["范围", "会员编号", "分销员", "状态", "等级", "层级", "人数"]
    assert [row[5:] for row in rows if row[0] == "整个归属树"] == [
        ["1", "2"],
        ["2", "1"],
        ["3", "1"],
        ["4", "2"],
    ]
    assert [row for row in rows if row[1] == top.public_id][2] == [
        "顶层分销员的下级",
        top.public_id,
        "'=1+1",
        "正常",
        "普通分销员",
        "3",
        "2",
    ]
    assert len(acts("distributor.export")) == 1


@pytest.mark.parametrize("role", ["finance", "auditor"])
def test_the_file_is_not_for_everybody(chain, admin_client, role):
    assert admin_client(role).post("/admin/distributors/tree/export").status_code == 403
    assert acts("distributor.export") == []


# --- several at once ---------------------------------------------------------------


def applicants(count: int) -> list[Distributor]:
    rows = []
    for number in range(count):
        member = make_member(f"申请人{number}")
        with transaction():
            distribution.apply(
                member.id,
                statement="",
                agreed_version=distribution.CONTRACT_VERSION,
                now=NOON,
            )
        rows.append(distributor(member))
    return rows


def approve(rows: list[Distributor]) -> None:
    for row in rows:
        run_unit(distribution.approve, row.id, actor=ADMIN, now=NOON)


def batch(client, action, rows, **data):
    ids = [row.id for row in rows]
    return client.post("/admin/distributors/batch", data={"action": action, "ids": ids, **data})


def test_a_summary_comes_first_and_changes_nothing(session, admin_client):
    rows = applicants(2)

    text = batch(admin_client("owner"), "approve", rows).text

    assert "确认通过这 2 人" in text
    assert [fresh(row).status for row in rows] == [D.APPLIED, D.APPLIED]


def test_confirmed_each_is_approved_and_audited(session, admin_client):
    rows = applicants(2)

    answer = batch(admin_client("owner"), "approve", rows, confirmed="1")

    assert answer.headers["Location"] == "/admin/distributors?state=applied"
    assert [fresh(row).status for row in rows] == [D.APPROVED, D.APPROVED]
    assert [act.subject_id for act in acts("distributor.approved")] == [row.id for row in rows]


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [("reject", D.APPLIED, D.REJECTED), ("suspend", D.APPROVED, D.SUSPENDED)],
)
def test_a_reason_is_asked_for_and_told(session, admin_client, action, before, after):
    rows = applicants(2)
    if before is D.APPROVED:
        approve(rows)
    client = admin_client("owner")

    refused = batch(client, action, rows, confirmed="1", reason=" ")
    assert refused.status_code == 422
    assert "请填写原因" in refused.text
    assert [fresh(row).status for row in rows] == [before, before]

    batch(client, action, rows, confirmed="1", reason="资料不实")
    assert [(fresh(row).status, row.decision_note) for row in rows] == [(after, "资料不实")] * 2


def test_one_that_fails_is_named_and_stops_nobody(session, admin_client):
    rows = applicants(3)
    approve(rows[1:2])
    client = admin_client("owner")

    assert "1 人现在的状态不能通过" in batch(client, "approve", rows).text
    batch(client, "approve", rows, confirmed="1")
    text = client.get("/admin/distributors?state=applied").text

    assert [fresh(row).status for row in rows] == [D.APPROVED] * 3
    assert "已通过 2 人" in text
    assert "申请人1：" in text


def test_nothing_ticked_is_said(session, admin_client):
    client = admin_client("owner")

    assert batch(client, "approve", []).status_code == 302
    assert "请先勾选分销员" in client.get("/admin/distributors").text


@pytest.mark.parametrize("data", [{"action": "close"}, {"action": "approve", "ids": "999"}])
def test_nonsense_is_not_found(session, admin_client, data):
    answer = admin_client("owner").post("/admin/distributors/batch", data=data)

    assert answer.status_code == 404


# --- notes -------------------------------------------------------------------------


def test_a_note_is_kept_with_its_author(session, admin_client):
    desk = fill()
    client = admin_client("owner")
    url = f"/admin/distributors/{desk.distributor.id}"

    client.post(f"{url}/note", data={"note": "电话里说换了手机号"})

    note = db.session.scalars(sa.select(MemberNote)).one()
    assert (note.text, note.member_id) == ("电话里说换了手机号", desk.distributor.member_id)
    assert note.author == acts("member.note")[0].actor
    assert "电话里说换了手机号" in client.get(url).text


@pytest.mark.parametrize("text", ["", "  ", "长" * 501])
def test_an_empty_or_endless_note_is_refused(session, admin_client, text):
    desk = fill()

    answer = admin_client("owner").post(
        f"/admin/distributors/{desk.distributor.id}/note", data={"note": text}
    )

    assert answer.status_code == 422
    assert db.session.scalars(sa.select(MemberNote)).all() == []
    assert acts("member.note") == []


def test_a_note_about_nobody_is_refused(session):
    with pytest.raises(NotFound):
        run_unit(members.notes.add, 999, "谁", actor=ADMIN, now=NOON)
    with pytest.raises(InvalidInput):
        run_unit(members.notes.add, make_member().id, "", actor=ADMIN, now=NOON)


# --- risk flags at the desk --------------------------------------------------------


def test_the_queue_shows_who_and_why_and_takes_an_answer(session, admin_client):
    desk = fill()
    client = admin_client("owner")
    flag = db.session.get_one(RiskFlag, desk.flag_id)

    text = client.get("/admin/risks").text
    assert "疑似小号自购" in text
    assert "两个账号用同一个浏览器登录过" in text
    assert "风险核实" in client.get("/admin/").text
    client.post(f"/admin/risks/{flag.id}/clear", data={"reason": "同住的家人"})

    assert (fresh(flag).state, flag.reason) == (RiskState.CLEARED, "同住的家人")
    assert "同住的家人" in client.get("/admin/risks?state=cleared").text


def test_an_answer_without_a_reason_changes_nothing(session, admin_client):
    desk = fill()
    flag = db.session.get_one(RiskFlag, desk.flag_id)

    admin_client("owner").post(f"/admin/risks/{flag.id}/confirm", data={"reason": ""})

    assert fresh(flag).state is RiskState.OPEN
    assert fresh(desk.distributor).status is D.APPROVED


def test_a_second_answer_at_the_desk_is_refused(session, admin_client):
    desk = fill()
    client = admin_client("owner")
    client.post(f"/admin/risks/{desk.flag_id}/confirm", data={"reason": "小号自购"})

    answer = client.post(f"/admin/risks/{desk.flag_id}/clear", data={"reason": "再想想"})

    assert answer.status_code == 409
    assert fresh(desk.distributor).status is D.SUSPENDED
    assert len(acts("risk.confirmed")) == 1


def test_the_page_of_a_distributor_says_that_money_waits(session, admin_client):
    desk = fill()

    text = admin_client("owner").get(f"/admin/distributors/{desk.distributor.id}").text

    assert "佣金暂缓结算" in text
    assert "分销员合作约定" in text
    assert "最近提现" in text
    assert desk.withdrawal.number in text
