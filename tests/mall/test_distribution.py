"""The distributor's corner over HTTP: joining, codes, commissions, team."""

import io

import pytest
import zxingcpp
from PIL import Image

from app import commission, distribution, settings
from app.core import clock
from app.core.db import db, run_unit
from app.distribution import CONTRACT_VERSION, DistributorStatus, scenes
from tests.factories import (
    ADMIN,
    NOON,
    PLAN,
    bind,
    code_of,
    days,
    make_distributor_of,
    make_member,
    make_plan,
    make_sku,
    paid_order,
    received_order,
)
from tests.mall.pages import text_of

CENTRE = "/me/distribution"


def standing_of(member):
    db.session.rollback()
    return distribution.distributor_of(member.id)


def apply(member):
    return run_unit(
        distribution.apply,
        member.id,
        statement="我有很多茶友",
        agreed_version=CONTRACT_VERSION,
        now=NOON,
    )


def sale(me, *, price_fen: int = 256_00, plan=None, received: bool = False):
    """Somebody whom `me` brought in buys one piece; returns what `me` earns."""
    make_plan(plan)
    make_distributor_of(me)
    buyer = make_member("李晓梅")
    bind(buyer, me)
    order = (received_order if received else paid_order)(buyer, make_sku(price_fen=price_fen))
    [row] = commission.commissions_of(me.id).items
    return row, order


# --- joining -----------------------------------------------------------------------


def test_stranger_reads_the_contract(client, me):
    page = client.get(CENTRE).text

    assert "一、成为分销员完全免费，不收取任何费用，也不以购买商品为条件。" in page
    assert "申请成为分销员" in page


def test_applying_without_the_tick_is_refused_and_keeps_the_statement(client, me):
    answer = client.post(CENTRE, data={"version": CONTRACT_VERSION, "statement": "我有很多茶友"})

    assert answer.status_code == 422
    assert "请先阅读并同意《分销员合作约定》" in answer.text
    assert "我有很多茶友" in answer.text
    assert standing_of(me) is None


def test_agreeing_to_an_older_contract_is_refused(client, me):
    answer = client.post(CENTRE, data={"version": "2020-01", "agreed": "1"})

    assert answer.status_code == 422
    assert standing_of(me) is None


def test_too_long_a_statement_is_refused(client, me):
    answer = client.post(
        CENTRE, data={"version": CONTRACT_VERSION, "agreed": "1", "statement": "长" * 201}
    )

    assert answer.status_code == 422
    assert "申请说明最多 200 个字" in answer.text
    assert standing_of(me) is None


def test_application_waits_for_review(client, me):
    answer = client.post(
        CENTRE, data={"version": CONTRACT_VERSION, "agreed": "1", "statement": "我有很多茶友"}
    )

    found = standing_of(me)
    assert found.status is DistributorStatus.APPLIED
    page = client.get(answer.location).text
    assert "申请正在审核" in page
    assert "我有很多茶友" in page
    assert "申请成为分销员" not in page


def test_refused_applicant_reads_why_and_may_apply_again(client, me):
    made = apply(me)
    run_unit(distribution.reject, made.id, reason="说明太短", actor=ADMIN, now=NOON)

    page = client.get(CENTRE).text

    assert "申请没有通过" in page
    assert "原因：说明太短" in page
    assert "重新申请" in page


def test_suspended_distributor_reads_why(client, me):
    make_distributor_of(me)
    run_unit(distribution.suspend, standing_of(me).id, reason="夸大宣传", actor=ADMIN, now=NOON)

    page = client.get(CENTRE).text

    assert "分销资格已暂停" in page
    assert "原因：夸大宣传" in page
    assert 'action="/me/distribution"' not in page


# --- the centre and the code -------------------------------------------------------


def test_centre_sums_up_what_was_earned(client, me):
    sale(me)

    page = client.get(CENTRE)

    words = text_of(page)
    assert "本月佣金 ¥25.60 今日 ¥25.60累计 ¥25.60" in words
    assert "待结算¥25.60" in words
    assert "收货后 15 天入账" in words


def test_centre_says_what_comes_next_and_when(client, me):
    sale(me, received=True)

    page = client.get(CENTRE).text

    assert "即将入账" in page
    assert page.count("预计 12月6日 入账") == 2

    # 2026-12-06 is a Sunday.
    run_unit(settings.change, "commission.settle_cycle", "weekly", actor=ADMIN, now=NOON)
    assert client.get(CENTRE).text.count("预计 12月7日 入账") == 2
    assert "佣金在下一个周一自动转入" in client.get("/help").text


def test_new_distributor_is_told_what_to_do(client, me):
    make_distributor_of(me)

    assert "还没有佣金，先把推广码发给好友吧" in client.get(CENTRE).text


def test_code_page_shows_both_codes_and_the_link(client, me, weixin):
    make_distributor_of(me)

    page = client.get("/me/distribution/code").text

    code = code_of(me)
    assert weixin.account.scenes == [code]
    assert "http://mp.test/showqrcode?ticket=ticket-1" in page
    assert f'data-copy="http://mall.test/r/{code}"' in page


def test_scene_is_made_once_and_again_before_it_ends(client, me, weixin):
    make_distributor_of(me)
    for days_later in (0, 26, 28):
        with clock.fixed(NOON + days(days_later)):
            client.get("/me/distribution/code")

    assert len(weixin.account.scenes) == 2


def test_a_products_code_page_shows_both_codes_and_the_link_to_it(client, me, weixin):
    make_distributor_of(me)
    product_id = make_sku().product_id

    page = client.get(f"/me/distribution/code?product={product_id}").text

    code = code_of(me)
    assert weixin.account.scenes == [f"{code}-p{product_id}"]
    assert "http://mp.test/showqrcode?ticket=ticket-1" in page
    assert f'data-copy="http://mall.test/r/{code}?to=/p/{product_id}"' in page
    assert f"/me/distribution/code.png?product={product_id}" in page


def test_a_products_scene_is_made_once_and_again_before_it_ends(client, me, weixin):
    make_distributor_of(me)
    path = f"/me/distribution/code?product={make_sku().product_id}"
    for days_later in (0, 26, 28):
        with clock.fixed(NOON + days(days_later)):
            client.get(path)

    assert len(weixin.account.scenes) == 2


def test_a_product_that_is_not_on_sale_has_no_code(client, me, weixin):
    make_distributor_of(me)
    product_id = make_sku(is_on_shelf=False).product_id

    answers = [
        client.get(f"/me/distribution/code{end}?product={product_id}") for end in ("", ".png")
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert weixin.account.scenes == []


def test_scenes_that_ended_are_tidied_away(client, me, weixin):
    make_distributor_of(me)
    with clock.fixed(NOON):
        client.get(f"/me/distribution/code?product={make_sku().product_id}")

    removed = [run_unit(scenes.tidy, NOON + days(later)) for later in (29, 30, 31)]

    assert removed == [0, 1, 0]


def test_code_page_without_wechat_still_has_the_link(client, me, weixin):
    make_distributor_of(me)
    weixin.account.is_down = True

    page = client.get("/me/distribution/code").text

    assert "微信暂时没有响应" in page
    assert f"http://mall.test/r/{code_of(me)}" in page
    assert "/me/distribution/code.png" in page


def test_picture_of_the_code_can_be_read(client, me):
    make_distributor_of(me)

    answer = client.get("/me/distribution/code.png")

    picture = Image.open(io.BytesIO(answer.data)).convert("L")
    [read] = zxingcpp.read_barcodes(picture)
    assert 300 <= picture.width <= 600
    assert read.text == f"http://mall.test/r/{code_of(me)}"


@pytest.mark.parametrize("product", ["36893488147419103231", "-1", "x"])
def test_a_product_that_is_none_gives_the_members_own_code(client, me, product):
    make_distributor_of(me)

    asked = client.get("/me/distribution/code.png", query_string={"product": product})

    assert asked.data == client.get("/me/distribution/code.png").data


def test_who_may_not_share_has_no_code(client, me):
    apply(me)

    assert client.get("/me/distribution/code").location == CENTRE
    assert client.get("/me/distribution/code.png").status_code == 404


# --- commissions -------------------------------------------------------------------


def test_commissions_by_state(client, me):
    row, _ = sale(me)

    link = f'href="/me/distribution/commissions/{row.id}"'
    assert link in client.get("/me/distribution/commissions").text
    assert link in client.get("/me/distribution/commissions?tab=pending").text
    settled = client.get("/me/distribution/commissions?tab=settled").text
    assert link not in settled
    assert "这里还没有佣金" in settled


def test_why_this_amount(client, me):
    row, order = sale(me)

    page = client.get(f"/me/distribution/commissions/{row.id}")

    words = text_of(page)
    assert "计佣基数¥256.00这件商品的成交金额" in words
    assert "佣金比例10%来自默认佣金" in words
    assert "结果¥25.60" in words
    assert "李*梅" in words
    assert "李晓梅" not in page.text
    assert f"尾号 {order.number[-6:]}" in words
    assert order.number not in page.text
    assert "直接推荐" in words
    assert "收货后 15 天入账" in words


def test_why_names_profit_and_level(client, me):
    row, _ = sale(
        me,
        price_fen=100_00,
        plan={**PLAN, "base": "profit", "levels": {"normal": {"1": {"bps": 1250}}}},
    )

    words = text_of(client.get(f"/me/distribution/commissions/{row.id}"))

    assert "计佣基数¥60.00利润：成交金额 ¥100.00 减去成本" in words
    assert "佣金比例12.5%来自你的分销等级的佣金" in words
    assert "结果¥7.50" in words


def test_why_says_that_a_cap_cut_it(client, me):
    row, _ = sale(me, plan={**PLAN, "line_cap_bps": 500})

    words = text_of(client.get(f"/me/distribution/commissions/{row.id}"))

    assert "结果¥12.80按比例是 ¥25.60，受这件商品佣金总额上限限制" in words


def test_received_goods_give_the_expected_day(client, me):
    row, _ = sale(me, received=True)

    assert "预计 12月6日 入账" in client.get(f"/me/distribution/commissions/{row.id}").text


def test_another_members_commission_is_not_found(client, me):
    row, _ = sale(make_member("林杰"))

    assert client.get(f"/me/distribution/commissions/{row.id}").status_code == 404
