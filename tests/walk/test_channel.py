"""A channel from its form to its figures, with WeChat's own answers over real HTTP."""

import io

import pytest
import requests
import sqlalchemy as sa
import zxingcpp
from PIL import Image

from app import members, orders, reports, wechat
from app.core import clock
from app.core.db import db, run_unit
from app.demo import CHEN_MEI
from app.distribution import channels
from app.distribution.channels import Channel, Scan
from app.reports import ChannelFigures
from tests.admin.desk import make_admin, sign_in
from tests.factories import code_of, make_distributor_of, make_sku, place_order
from tests.stack import wait_for

CREATE = "/cgi-bin/qrcode/create"


@pytest.fixture
def desk(stack):
    """A browser at the desk; 陈梅 of the sandbox is a distributor."""
    with stack.app.app_context():
        chen = run_unit(members.enter, CHEN_MEI[0], now=clock.now())
        make_distributor_of(chen, now=clock.now())
        make_admin("boss")
        client = stack.app.test_client()
        client.environ_base["HTTP_ORIGIN"] = stack.url
        sign_in(client, "boss")
        yield client


def create(client, **given) -> Channel:
    typed = {"name": "西湖店", "kind": "shop", "lasts": "temporary", "owner": "", "note": ""}
    client.post("/admin/channels", data={**typed, **given})
    db.session.rollback()
    return db.session.scalars(sa.select(Channel).order_by(Channel.id.desc())).first()


def scans() -> list[Scan]:
    db.session.rollback()
    return list(channels.scans_page().items)


def buy(stack, buyer: members.Member, price_fen: int) -> None:
    """Order one thing and pay on the phone; WeChat's own notice makes it paid."""
    order = place_order(buyer, make_sku(price_fen=price_fen), now=clock.now())
    number, openid = order.number, buyer.openid
    pay = wechat.current().pay
    sheet = orders.paying_sheet(order.id, description="绿茶", gateway=pay, now=clock.now())
    prepay_id = sheet["package"].removeprefix("prepay_id=")
    stack.control(f"/persons/{openid}/pay", prepay_id=prepay_id)

    def is_paid() -> bool:
        db.session.rollback()
        return orders.order_by_number(number).is_paid

    wait_for(is_paid)


def somebody(stack) -> str:
    """The openid of a person of the sandbox who does not follow yet."""
    people = stack.look("/persons")["persons"]
    return next(p["openid"] for p in people if not p["following"] and p["openid"] != CHEN_MEI[0])


@pytest.mark.parametrize("lasts", ["temporary", "permanent"])
def test_made_scanned_followed_bought_and_counted(stack, desk, lasts):
    chen = members.by_openid(CHEN_MEI[0])
    made = create(desk, lasts=lasts, owner=code_of(chen))
    (code,) = stack.look("/qrcodes")["qrcodes"]
    assert (code["scene"], code["url"]) == (made.code, made.qr_url)
    assert (code["expires_at"] is None) is made.is_permanent
    openid = somebody(stack)

    stack.control(f"/persons/{openid}/scan", url=made.qr_url)
    wait_for(lambda: len(scans()) == 1)
    stack.control(f"/persons/{openid}/scan", ticket=made.qr_ticket)
    wait_for(lambda: len(scans()) == 2)
    visitor = members.by_openid(openid)
    buy(stack, visitor, 128_00)

    assert (visitor.is_subscribed, visitor.upline1_id) == (True, chen.id)
    assert [s.result for s in scans()] == ["bound_same", "bound"]
    assert reports.channel_totals([made.id])[made.id] == ChannelFigures(
        scans=2, follows=1, members=1, orders=1, sales_fen=128_00
    )
    page = desk.get(f"/admin/channels/{made.id}").text
    assert "¥128.00" in page


def test_a_snapshot_user_at_the_phone_is_recorded_only(stack, desk):
    chen = members.by_openid(CHEN_MEI[0])
    made = create(desk, owner=code_of(chen))
    openid = somebody(stack)
    stack.control(f"/persons/{openid}/snapshot", on=True)
    phone = requests.Session()
    phone.headers["User-Agent"] = "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.50"
    phone.cookies.set("sandbox_person", openid)

    page = phone.get(f"{stack.url}/r/{made.code}", timeout=10)

    assert page.url.startswith(f"{stack.url}/wechat/oauth/callback")
    (scan,) = scans()
    assert (scan.result, scan.member_id, scan.channel_id) == ("snapshot", None, made.id)
    assert scan.openid not in ("", openid)
    assert members.by_openid(openid) is None

    stack.control(f"/persons/{openid}/snapshot", on=False)
    phone.get(f"{stack.url}/r/{made.code}", timeout=10)

    assert [s.result for s in scans()] == ["bound", "snapshot"]
    assert members.by_openid(openid).upline1_id == chen.id


def test_a_permanent_code_asked_for_twice_is_one_at_wechat(stack, desk):
    """Its first answer is lost on the way."""
    stack.control("/faults", target=CREATE, kind="drop")
    made = create(desk, lasts="permanent")
    assert made.qr_url == ""

    for _ in range(2):
        desk.post(f"/admin/channels/{made.id}/make")

    db.session.rollback()
    (code,) = stack.look("/qrcodes")["qrcodes"]
    assert channels.get(made.id).qr_url == code["url"]
    assert channels.ration().used == 1


def test_the_job_makes_what_wechat_did_not_give_at_first(stack, desk):
    stack.control("/faults", target=CREATE, kind="html")
    made = create(desk)
    assert made.qr_url == ""

    assert stack.job("renew-scenes")["renewed"] >= 1

    db.session.rollback()
    assert channels.get(made.id).qr_url.startswith("http://weixin.qq.com/q/")


def test_the_picture_at_the_desk_is_what_wechat_shows(stack, desk):
    made = create(desk)

    shown = requests.get(
        f"{stack.sandbox_url}/cgi-bin/showqrcode", params={"ticket": made.qr_ticket}, timeout=10
    )
    drawn = desk.get(f"/admin/channels/{made.id}/code.png?size=print")

    assert read(shown.content) == read(drawn.data) == made.qr_url


def read(picture: bytes) -> str:
    return zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)).convert("RGB"))[0].text
