"""Posters over HTTP: from the product to the picture, and whose it is."""

import io
import re
import shutil

import pytest
import zxingcpp
from PIL import Image

from app import catalog, distribution, members
from app.core import web
from app.core.db import db, run_unit, transaction
from app.distribution.posters import STARTERS, CodeKind, files
from tests.admin.desk import a_poster
from tests.factories import (
    ADMIN,
    NOON,
    code_of,
    days,
    make_distributor_of,
    make_member,
    make_plan,
    make_sku,
)
from tests.uploads.test_uploads import photo

AVATAR = "https://thirdwx.qlogo.cn/mmopen/abc/132"
UNKNOWN = "/poster/WzEsImNsYXNzaWMiLDAsImEiXQ.c2lnbmF0dXJl.jpg"


@pytest.fixture
def earner(me):
    """A distributor of whom nothing was drawn yet; members' ids return, files stay."""
    for folder in (files.POSTERS, files.AVATARS):
        shutil.rmtree(web.settings().data_dir / folder, ignore_errors=True)
    make_distributor_of(me)
    return me


def pictures_of(client, path: str) -> list[str]:
    page = client.get(path)
    assert page.status_code == 200
    return re.findall(r'src="(/poster/[^"]+\.jpg)"', page.text)


def code_in(data: bytes) -> str:
    small = Image.open(io.BytesIO(data)).resize((375, 667), Image.Resampling.BILINEAR)
    [found] = zxingcpp.read_barcodes(small)
    return found.text


def test_each_poster_leads_to_its_owner(client, earner):
    addresses = pictures_of(client, "/me/distribution/posters")

    assert len(addresses) == 3
    for address in addresses:
        answer = client.get(address)
        assert answer.mimetype == "image/jpeg"
        assert code_in(answer.data) == f"http://mall.test/r/{code_of(earner)}"


def test_a_products_poster_is_two_taps_away_and_leads_to_the_product(client, earner):
    make_plan()
    sku = make_sku(price_fen=10_000_00)
    page = client.get(f"/p/{sku.product_id}").text
    [poster] = re.findall(r'class="share-line" href="([^"]+)"', page)

    addresses = pictures_of(client, poster)

    assert len(addresses) == 2
    wanted = f"http://mall.test/r/{code_of(earner)}?to=/p/{sku.product_id}"
    assert {code_in(client.get(address).data) for address in addresses} == {wanted}
    assert f'data-copy="{wanted}"' in client.get(poster).text


def test_the_picture_is_a_file_with_an_etag(client, earner):
    [address, *_] = pictures_of(client, "/me/distribution/posters")
    first = client.get(address)

    again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304
    assert len(files.made_for(web.settings().data_dir, earner.id)) == 1


def test_whoever_holds_the_address_sees_the_picture_without_a_login(client, earner, app):
    [address, *_] = pictures_of(client, "/me/distribution/posters")

    answer = app.test_client().get(address, headers={"Host": "mall.test"})

    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")


def test_an_address_that_was_not_signed_is_none(client, earner):
    assert client.get(UNKNOWN).status_code == 404


def test_the_avatar_is_fetched_once(client, earner, weixin):
    weixin.avatars.pictures[AVATAR] = photo(size=(132, 132))
    with transaction():
        members.set_profile(earner.id, nickname="王小芳", avatar_url=AVATAR)

    answers = [client.get(path) for path in pictures_of(client, "/me/distribution/posters")]

    assert weixin.avatars.asked == [AVATAR]
    assert {answer.headers["Cache-Control"] for answer in answers} == {"private, max-age=31536000"}
    # In the foot of the first one, in its circle.
    picture = Image.open(io.BytesIO(answers[0].data))
    red, green, blue = picture.getpixel((416, 1084))
    assert (red < 10, 120 < green < 136, 120 < blue < 136) == (True, True, True)


def test_an_avatar_that_cannot_be_had_is_no_reason_for_no_poster(client, earner, weixin):
    with transaction():
        members.set_profile(earner.id, nickname="王小芳", avatar_url=AVATAR + "?gone")
    [address, *_] = pictures_of(client, "/me/distribution/posters")

    answers = [client.get(address) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].headers["Cache-Control"] == "private, max-age=600"
    assert weixin.avatars.asked == [AVATAR + "?gone"]


def test_a_new_price_makes_a_new_picture(client, earner):
    sku = make_sku(price_fen=128_00)
    path = f"/p/{sku.product_id}/poster"
    before = pictures_of(client, path)

    with transaction():
        db.session.get_one(catalog.Sku, sku.id).price_fen = 99_00

    assert not set(before) & set(pictures_of(client, path))


def test_an_account_code_is_used_while_it_lives(client, earner, noon):
    layout = STARTERS["paper"][1]
    row = a_poster("公众号", "paper")
    with transaction():
        stored = db.session.merge(row)
        stored.layout = {**stored.layout, "code": CodeKind.ACCOUNT.value}
        code = distribution.sharing_code(earner.id)
        assert code is not None
        distribution.keep_scene(
            code.id, ticket="t", url="http://weixin.qq.com/q/02test", lasts=days(30), now=NOON
        )
    assert layout.code is CodeKind.LINK

    [address, *_] = pictures_of(client, "/me/distribution/posters")
    assert code_in(client.get(address).data) == "http://weixin.qq.com/q/02test"

    with transaction():
        code = distribution.sharing_code(earner.id)
        assert code is not None
        code.qr_expires_at = NOON - days(1)
    [address, *_] = pictures_of(client, "/me/distribution/posters")
    assert code_in(client.get(address).data) == f"http://mall.test/r/{code_of(earner)}"


def test_a_products_account_code_is_made_for_its_poster(client, earner, weixin, noon):
    sku = make_sku()
    row = a_poster("公众号", "picture")
    with transaction():
        stored = db.session.merge(row)
        stored.layout = {**stored.layout, "code": CodeKind.ACCOUNT.value}

    [address, *_] = pictures_of(client, f"/p/{sku.product_id}/poster")

    assert weixin.account.scenes == [f"{code_of(earner)}-p{sku.product_id}"]
    assert code_in(client.get(address).data) == "http://weixin.test/q/1"


def test_who_is_no_distributor_has_no_posters(client, me):
    sku = make_sku()

    for path in ("/me/distribution/posters", f"/p/{sku.product_id}/poster"):
        assert client.get(path).location == "/me/distribution"


def test_a_product_off_the_shelf_has_no_poster(client, earner):
    sku = make_sku(is_on_shelf=False)

    assert client.get(f"/p/{sku.product_id}/poster").status_code == 404


def test_who_was_suspended_makes_no_new_one(client, earner):
    [address, *_] = pictures_of(client, "/me/distribution/posters")
    standing = distribution.distributor_of(earner.id)
    assert standing is not None
    run_unit(distribution.suspend, standing.id, reason="查", actor=ADMIN, now=NOON)

    assert client.get(address).status_code == 404
    assert files.made_for(web.settings().data_dir, earner.id) == []


def test_another_members_name_is_not_in_mine(client, earner, app, log_in):
    other = make_member("别人")
    make_distributor_of(other)
    theirs = app.test_client()
    theirs.environ_base["HTTP_HOST"] = "mall.test"
    log_in(theirs, other)

    assert not set(pictures_of(client, "/me/distribution/posters")) & set(
        pictures_of(theirs, "/me/distribution/posters")
    )
