"""The desk's channel codes: making, figures, picture, file, stopping, the ration."""

import csv
import io
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
import zxingcpp
from PIL import Image

from app.admin import export
from app.core import clock
from app.core.db import db, run_unit, transaction
from app.distribution import channels
from app.distribution.channels import Channel, Scan, ScanSource, SceneRation
from app.wechat import WeChatUnavailable
from app.wechat.account import Account, Scene
from tests.admin.desk import a_channel, acts
from tests.factories import SYSTEM, code_of, make_distributor, make_member, make_sku, paid_order


class Asked:
    """The account's API as far as codes go; `error` makes it fail."""

    def __init__(self) -> None:
        self.permanent: list[str] = []
        self.temporary: list[str] = []
        self.error: WeChatUnavailable | None = None

    def permanent_scene(self, scene: str) -> Scene:
        self.permanent.append(scene)
        return self._made(scene, 0)

    def temporary_scene(self, scene: str) -> Scene:
        self.temporary.append(scene)
        return self._made(scene, 2_592_000)

    def _made(self, scene: str, seconds: int) -> Scene:
        if self.error is not None:
            raise self.error
        return Scene(f"ticket-{scene}", f"http://weixin.qq.com/q/{scene}", seconds)


@pytest.fixture
def asked(monkeypatch):
    found = Asked()
    monkeypatch.setattr(Account, "permanent_scene", lambda _, scene: found.permanent_scene(scene))
    monkeypatch.setattr(Account, "temporary_scene", lambda _, scene: found.temporary_scene(scene))
    return found


def only_channel() -> Channel:
    db.session.rollback()
    return db.session.execute(sa.select(Channel)).scalar_one()


def use(count: int) -> None:
    with transaction():
        db.session.add(SceneRation(id=1, used=count))


TYPED = {"name": "双十一展会", "kind": "campaign", "lasts": "temporary", "owner": "", "note": ""}


def test_a_temporary_channel_gets_its_code_at_once(session, admin_client, asked):
    answer = admin_client("operations").post("/admin/channels", data=TYPED)

    made = only_channel()
    assert (answer.status_code, answer.location) == (302, f"/admin/channels/{made.id}")
    assert asked.temporary == [made.code]
    assert made.qr_url == f"http://weixin.qq.com/q/{made.code}"
    assert made.qr_expires_at > clock.now() + timedelta(days=29)
    assert len(acts("channel.create")) == 1


def test_a_permanent_channel_takes_one_number(session, admin_client, asked):
    client = admin_client("owner")

    client.post("/admin/channels", data={**TYPED, "lasts": "permanent"})

    made = only_channel()
    assert (asked.permanent, asked.temporary) == ([made.code], [])
    assert (made.is_permanent, made.qr_expires_at) == (True, None)
    assert "永久二维码已用 1 / 100,000 个" in client.get("/admin/channels").text


def test_when_wechat_is_down_the_channel_waits_and_asking_again_takes_no_number(
    session, admin_client, asked
):
    client = admin_client("owner")
    asked.error = WeChatUnavailable("ReadTimeout")

    page = client.post(
        "/admin/channels", data={**TYPED, "lasts": "permanent"}, follow_redirects=True
    )
    made = only_channel()
    assert "微信暂时没有答复，二维码还没有生成" in page.text
    assert (made.qr_url, channels.ration().used) == ("", 1)
    assert client.get(f"/admin/channels/{made.id}/code.png").status_code == 404

    asked.error = None
    again = client.post(f"/admin/channels/{made.id}/make", follow_redirects=True)
    client.post(f"/admin/channels/{made.id}/make")

    assert "二维码已生成" in again.text
    assert asked.permanent == [made.code, made.code]
    assert channels.ration().used == 1
    assert only_channel().qr_ticket == f"ticket-{made.code}"


def test_wechats_own_limit_is_said_in_words(session, admin_client, asked):
    asked.error = WeChatUnavailable("errcode 45029", 45029)

    page = admin_client("owner").post(
        "/admin/channels", data={**TYPED, "lasts": "permanent"}, follow_redirects=True
    )

    assert "公众号的永久二维码已用完" in page.text
    assert only_channel().qr_url == ""


def test_at_the_limit_the_form_says_so_and_nothing_is_made(session, admin_client, asked):
    use(100_000)

    answer = admin_client("owner").post("/admin/channels", data={**TYPED, "lasts": "permanent"})

    assert answer.status_code == 409
    assert "公众号的永久二维码已用完，请改用临时二维码" in answer.text
    assert "双十一展会" in answer.text
    assert db.session.scalar(sa.select(Channel.id)) is None
    assert (asked.permanent, channels.ration().used) == ([], 100_000)


@pytest.mark.parametrize(
    ("used", "said"),
    [
        (89_999, None),
        (90_000, "公众号的永久二维码只剩 10,000 个"),
        (100_000, "公众号的 100,000 个永久二维码已全部用完"),
    ],
)
def test_the_dashboard_warns_from_nine_tenths_on(session, admin_client, used, said):
    use(used)

    page = admin_client("owner").get("/admin/").text

    assert (said in page) if said else ("永久二维码" not in page)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": ""}, "请填写渠道名称"),
        ({"name": "西湖店收银台"}, "已有名为“西湖店收银台”的渠道"),
        ({"kind": "moon"}, "请选择渠道类型"),
        ({"owner": "NOSUCH23"}, "没有这个推广码"),
        ({"note": "长" * 300}, "备注最多 200 个字"),
    ],
)
def test_a_bad_field_is_said_at_the_field_and_the_rest_stays(
    session, admin_client, asked, changed, said
):
    a_channel()

    answer = admin_client("owner").post("/admin/channels", data={**TYPED, **changed})

    assert answer.status_code == 422
    assert said in answer.text
    assert only_channel().name == "西湖店收银台"
    assert asked.temporary == []


def test_an_owner_is_named_by_referral_code(session, admin_client, asked):
    owner = make_distributor("陈梅")
    client = admin_client("owner")

    page = client.post(
        "/admin/channels", data={**TYPED, "owner": code_of(owner)}, follow_redirects=True
    )

    assert only_channel().owner_id == owner.id
    assert "陈梅" in page.text


def test_renaming_says_what_is_wrong_and_keeps_the_name(session, admin_client):
    made = a_channel()
    client = admin_client("owner")

    bad = client.post(f"/admin/channels/{made.id}", data={"name": " ", "note": ""})
    assert bad.status_code == 422
    assert only_channel().name == "西湖店收银台"

    client.post(f"/admin/channels/{made.id}", data={"name": "滨江店", "note": "新址"})
    assert (only_channel().name, only_channel().note) == ("滨江店", "新址")


def test_stopping_and_starting(session, admin_client, asked):
    made = a_channel()
    client = admin_client("owner")

    client.post(f"/admin/channels/{made.id}/stop")
    assert only_channel().is_active is False
    assert "西湖店收银台" not in client.get("/admin/channels").text
    assert "西湖店收银台" in client.get("/admin/channels?state=stopped").text

    client.post(f"/admin/channels/{made.id}/start")
    assert only_channel().is_active is True
    assert asked.temporary == []


def test_starting_again_after_the_code_ended_asks_for_a_new_one(session, admin_client, asked):
    made = a_channel()
    with transaction():
        channels.keep_scene(
            made.id, ticket="old", url="old", lasts=timedelta(days=-1), now=clock.now()
        )
        channels.stop(made.id, actor=SYSTEM, now=clock.now())

    admin_client("owner").post(f"/admin/channels/{made.id}/start")

    assert asked.temporary == [made.code]
    assert only_channel().qr_ticket == f"ticket-{made.code}"


@pytest.mark.parametrize(("size", "least"), [("", 240), ("print", 1000)])
def test_the_picture_says_what_wechat_said(session, admin_client, size, least):
    made = a_channel()

    answer = admin_client("auditor").get(f"/admin/channels/{made.id}/code.png?size={size}")

    picture = Image.open(io.BytesIO(answer.data)).convert("RGB")
    assert zxingcpp.read_barcodes(picture)[0].text == "http://weixin.qq.com/q/02test"
    assert picture.width >= least
    download = answer.headers.get("Content-Disposition", "")
    assert download == (f"attachment; filename={made.code}.png" if size else "")


def test_a_channels_page_has_its_days_and_its_newest_scans(session, admin_client):
    made = a_channel()
    visitor = make_member("欧阳慕容", now=clock.now())
    run_unit(channels.take, visitor.id, code=made.code, source=ScanSource.FOLLOW, now=clock.now())
    paid_order(visitor, make_sku(price_fen=1_234_56), now=clock.now())

    page = admin_client("owner").get(f"/admin/channels/{made.id}").text

    assert "欧阳慕容" in page
    assert "已计入渠道" in page
    # The day, the span and all of it.
    assert page.count("¥1,234.56") == 3


@pytest.mark.parametrize(
    ("asked_for", "first", "count"),
    [
        ("?from=2026-10-01&to=2026-10-03", date(2026, 10, 1), 3),
        ("?from=2026-10-03&to=2026-10-01", date(2026, 10, 1), 3),
        ("?from=nonsense&to=2026-10-30", date(2026, 10, 1), 30),
        ("?from=0001-01-01&to=0001-01-02", date(2020, 1, 1), 1),
        ("?from=2020-01-01&to=2022-01-01", date(2021, 1, 1), 366),
    ],
)
def test_a_span_is_made_of_what_the_address_asks_for(
    session, admin_client, asked_for, first, count
):
    made = a_channel()

    answer = admin_client("owner").get(f"/admin/channels/{made.id}/days.csv{asked_for}")

    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))[1:]
    assert (len(rows), rows[0][1]) == (count, first.isoformat())


def test_the_file_opens_in_a_spreadsheet_and_runs_nothing(session, admin_client):
    made = a_channel("=HYPERLINK(1)店")
    visitor = make_member(now=clock.now())
    run_unit(channels.take, visitor.id, code=made.code, source=ScanSource.FOLLOW, now=clock.now())
    paid_order(visitor, make_sku(price_fen=1_234_56), now=clock.now())

    answer = admin_client("auditor").get(f"/admin/channels/{made.id}/days.csv")

    assert answer.data.startswith(b"\xef\xbb\xbf")
    assert answer.mimetype == "text/csv"
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    today = clock.local(clock.now()).date()
    assert rows[0] == ["渠道", "日期", "扫码", "关注", "带来会员", "订单", "成交额（元）"]
    assert rows[-1] == ["'=HYPERLINK(1)店", today.isoformat(), "1", "1", "1", "1", "1234.56"]
    assert len(rows) == 31


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", " =1", "\r=1"])
def test_no_cell_begins_as_a_formula(app, text):
    with app.test_request_context():
        body = export.csv_file("x.csv", ["a"], [[text, -1]]).data.decode("utf-8-sig")

    (row,) = list(csv.reader(io.StringIO(body, newline="")))[1:]
    assert row == [f"'{text}", "-1"]


def test_every_scan_has_its_line(session, admin_client):
    made = a_channel()
    with transaction():
        channels.take_snapshot("oVirtual", code=made.code, dedupe_key="k", now=clock.now())
    visitor, owner = make_member("王芳"), make_distributor("陈梅")
    run_unit(
        channels.take, visitor.id, code=code_of(owner), source=ScanSource.LINK, now=clock.now()
    )

    page = admin_client("auditor").get("/admin/scans").text

    assert "快照页访客" in page
    assert code_of(owner) in page
    assert ("王芳" in page, "陈梅" in page, "已绑定" in page) == (True, True, True)


def test_who_may_only_look_makes_nothing(session, admin_client, asked):
    answer = admin_client("auditor").post("/admin/channels", data=TYPED)

    assert answer.status_code == 403
    assert db.session.scalar(sa.select(Channel.id)) is None
    assert db.session.scalar(sa.select(Scan.id)) is None
    assert asked.temporary == []
