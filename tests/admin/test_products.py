"""Products at the desk: the editor, the list, batches, stock, categories, freight."""

import io

import pytest
import sqlalchemy as sa
from PIL import Image

from app import catalog
from app.catalog import Category, FreightTemplate, Product, Sku, SkuInput, StockMove
from app.core import web
from app.core.db import db, transaction
from tests.admin.desk import acts, fresh
from tests.factories import make_category, make_freight, make_product

KEY = "k" * 24
FORM = {
    "title": "马克杯",
    "subtitle": "手作",
    "category": "",
    "tags": "新品、送礼",
    "description": "<p>好看</p><script>x</script>",
    "kind": "physical",
    "unit": "只",
    "limit": "2",
    "sort": "7",
    "on_from": "2026-11-22T08:00",
    "off_at": "",
    "freight": "",
    "pictures": ["p/a.jpg", "p/b.jpg"],
    "spec_name": ["颜色"],
    "spec_values": ["雾蓝、奶白"],
    "sku_values": ['["雾蓝"]', '["奶白"]'],
    "sku_price": ["59.9", "65"],
    "sku_list": ["79", ""],
    "sku_member": ["", "60.00"],
    "sku_cost": ["24", ""],
    "sku_code": ["C-1", "C-2"],
    "sku_weight": ["320", ""],
    "sku_warn": ["5", ""],
    "sku_stock": ["12", ""],
    "sku_picture": ["", "p/c.jpg"],
}


def stored() -> list[tuple[object, ...]]:
    db.session.rollback()
    tables = (Product, Sku, StockMove, Category, FreightTemplate)
    return [
        tuple(row)
        for cls in tables
        for row in db.session.execute(sa.select(*cls.__table__.columns).order_by(cls.id))
    ]


def only_product() -> Product:
    db.session.rollback()
    return db.session.scalars(sa.select(Product)).one()


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (500, 500), "navy").save(out, "JPEG")
    return out.getvalue()


def test_a_product_is_made_with_prices_in_fen(session, admin_client):
    client = admin_client("operations")

    answer = client.post("/admin/products", data=FORM)

    product = only_product()
    assert answer.headers["Location"] == f"/admin/products/{product.id}"
    assert (product.title, product.unit, product.limit_per_member, product.sort) == (
        "马克杯",
        "只",
        2,
        7,
    )
    assert (product.tags, product.pictures) == (["新品", "送礼"], ["p/a.jpg", "p/b.jpg"])
    assert product.description == "<p>好看</p>"
    assert product.on_from.isoformat() == "2026-11-22T00:00:00+00:00"
    assert [
        (
            s.name,
            s.price_fen,
            s.list_price_fen,
            s.member_price_fen,
            s.cost_fen,
            s.code,
            s.weight_g,
            s.warn_below,
            s.stock,
            s.picture,
        )
        for s in product.skus
    ] == [
        ("雾蓝", 59_90, 79_00, None, 24_00, "C-1", 320, 5, 12, ""),
        ("奶白", 65_00, None, 60_00, 0, "C-2", 0, 0, 0, "p/c.jpg"),
    ]
    page = client.get(answer.headers["Location"]).text
    assert "商品已保存为草稿" in page
    assert 'value="59.90"' in page
    assert 'value="2026-11-22T08:00"' in page


def test_what_the_editor_shows_can_be_sent_back_unchanged(session, admin_client):
    client = admin_client("owner")
    client.post("/admin/products", data=FORM)
    before = only_product()
    skus = [(s.id, s.price_fen, s.stock) for s in before.skus]

    client.post(f"/admin/products/{before.id}", data={**FORM, "sku_stock": ["", ""]})

    assert [(s.id, s.price_fen, s.stock) for s in only_product().skus] == skus


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"title": ""}, "商品名称应为 1 到 80 个字"),
        ({"limit": "两个"}, "限购数量应为 0 或正整数"),
        ({"sort": "-1"}, "排序应为 0 或正整数"),
        ({"on_from": "昨天"}, "上架时间格式不正确"),
        ({"category": "99"}, "分类不存在，请重新选择"),
        ({"sku_price": ["59.999", "65"]}, "第 1 行：售价格式不正确"),
        ({"sku_price": ["59.9", ""]}, "请填写第 2 行：售价"),
        ({"sku_price": ["59.9", "1e5"]}, "第 2 行：售价格式不正确"),
        ({"sku_stock": ["很多", ""]}, "第 1 行：库存应为 0 或正整数"),
        ({"sku_member": ["99", ""]}, "第 1 行：会员价应大于 0 且不高于售价"),
        ({"sku_values": ['["雾蓝"]', '["墨绿"]']}, "规格表与规格不一致"),
        ({"sku_values": ["{", '["奶白"]']}, "规格表与规格不一致"),
        ({"spec_values": ["雾蓝、" + "长" * 19]}, "“颜色”的每个值最多 18 个字"),
    ],
)
def test_a_bad_field_is_named_and_what_was_typed_is_kept(session, admin_client, changed, message):
    client = admin_client("operations")
    mine = make_product("旧的", is_on_shelf=False)
    before = stored()

    for address in ("/admin/products", f"/admin/products/{mine.id}"):
        answer = client.post(address, data={**FORM, **changed})
        assert answer.status_code == 422
        assert message in answer.text
        assert 'value="C-2"' in answer.text
        assert "新品、送礼" in answer.text

    assert stored() == before


def test_all_bad_fields_are_named_at_once(session, admin_client):
    answer = admin_client("owner").post(
        "/admin/products", data={**FORM, "title": "", "sku_price": ["x", "65"], "limit": "y"}
    )

    for message in ("商品名称应为", "第 1 行：售价格式不正确", "限购数量应为"):
        assert message in answer.text


def test_the_shelf_asks_first_and_says_what_is_missing(session, admin_client):
    client = admin_client("operations")
    product = make_product(is_on_shelf=False)
    bare = make_product("没图", is_on_shelf=False, pictures=())

    assert "data-confirm" in client.get("/admin/products").text
    client.post(f"/admin/products/{product.id}/shelf", data={"on": "1"})
    client.post(f"/admin/products/{bare.id}/shelf", data={"on": "1"})

    assert fresh(product).is_on_shelf
    assert not fresh(bare).is_on_shelf
    assert "“没图”还没有图片，请先上传再上架" in client.get("/admin/products").text
    client.post(f"/admin/products/{product.id}/shelf", data={})
    assert not fresh(product).is_on_shelf
    assert [entry.subject_id for entry in acts("product.off")] == [product.id]


def test_a_batch_goes_up_and_down(session, admin_client):
    client = admin_client("owner")
    made = [make_product(f"商品{n}", is_on_shelf=False) for n in range(3)]
    ids = [str(product.id) for product in made[:2]]

    client.post("/admin/products/batch", data={"action": "on", "ids": ids, "confirmed": "1"})

    assert [fresh(product).is_on_shelf for product in made] == [True, True, False]
    assert "已上架 2 个商品" in client.get("/admin/products").text
    client.post("/admin/products/batch", data={"action": "off", "ids": ids[:1], "confirmed": "1"})
    assert [fresh(product).is_on_shelf for product in made] == [False, True, False]
    client.post("/admin/products/batch", data={"action": "off", "ids": []})
    assert "请先勾选商品" in client.get("/admin/products").text


def test_a_batch_says_first_what_it_does_and_what_it_leaves_out(session, admin_client):
    client = admin_client("operations")
    made = [make_product(f"商品{n}", is_on_shelf=n == 2) for n in range(3)]
    with transaction():
        db.session.get_one(Product, made[1].id).pictures = []
    ids = [str(product.id) for product in made]

    text = client.post("/admin/products/batch", data={"action": "on", "ids": ids}).text

    assert "上架这 1 个商品" in text
    assert [reason in text for reason in ("还没有图片", "已在架上")] == [True, True]
    assert f'name="ids" value="{ids[0]}"' in text
    assert [fresh(product).is_on_shelf for product in made] == [False, False, True]


def test_prices_of_a_batch_are_shown_before_they_change(session, admin_client):
    client = admin_client("operations")
    product = make_product(skus=(SkuInput((), 128_00),))
    sku = product.skus[0]

    listing = client.post("/admin/products/batch", data={"action": "prices", "ids": [product.id]})
    page = client.get(f"{listing.headers['Location']}&mode=percent&value=90").text

    assert "¥128.00" in page
    assert "¥115.20" in page
    assert fresh(sku).price_fen == 128_00
    sent = {"sku": sku.id, "seen": 128_00, "then": 115_20, "ids": product.id}
    client.post("/admin/products/prices", data=sent)
    assert fresh(sku).price_fen == 115_20
    # The same page sent again: the price is no longer the one that was seen.
    client.post("/admin/products/prices", data=sent)
    assert "有价格刚刚被改过" in client.get("/admin/products").text
    assert len(acts("product.price")) == 1


@pytest.mark.parametrize(
    ("mode", "value", "message"),
    [
        ("percent", "0", "百分比应为 1 到 1000 的整数"),
        ("percent", "1.5", "百分比应为 1 到 1000 的整数"),
        ("minus", "128", "售价会变成 0 或更低"),
        ("plus", "100000", "售价会超过 10 万元"),
        ("set", "abc", "金额格式不正确"),
    ],
)
def test_a_price_change_that_cannot_be_is_refused_in_the_preview(
    session, admin_client, mode, value, message
):
    product = make_product(skus=(SkuInput((), 128_00),))

    page = (
        admin_client("owner")
        .get(f"/admin/products/prices?ids={product.id}&mode={mode}&value={value}")
        .text
    )

    assert message in page
    assert "核对并确认" not in page


@pytest.mark.parametrize(("mode", "value", "then", "stock"), [("add", 5, 15, 15), ("set", 5, 5, 5)])
def test_stock_of_a_batch_changes_once_for_a_page(session, admin_client, mode, value, then, stock):
    client = admin_client("operations")
    sku = make_product().skus[0]

    page = client.get(f"/admin/products/stocks?ids={sku.product_id}&mode={mode}&value={value}").text
    assert "核对并确认" in page
    for _ in range(2):
        client.post(
            "/admin/products/stocks",
            data={"sku": sku.id, "seen": 10, "then": then, "mode": mode, "request_key": KEY},
        )

    assert fresh(sku).stock == stock


def test_stock_is_counted_on_the_products_page(session, admin_client):
    client = admin_client("operations")
    sku = make_product().skus[0]
    address = f"/admin/products/{sku.product_id}/stock"

    client.post(address, data={f"count-{sku.id}": "7", "reason": "破损", "request_key": KEY})

    assert fresh(sku).stock == 7
    page = client.get(address).text
    assert "盘点为 7：破损" in page
    assert "库存已更新：1 个规格有变化" in page


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "请至少填写一个规格的实际数量"),
        ({"count": "-1"}, "的数量应为 0 或正整数"),
        ({"count": "3", "reason": "长" * 41}, "原因最多 40 个字"),
    ],
)
def test_a_count_that_cannot_be_read_changes_nothing(session, admin_client, data, message):
    sku = make_product().skus[0]
    sent = {f"count-{sku.id}" if key == "count" else key: value for key, value in data.items()}
    before = stored()

    answer = admin_client("owner").post(
        f"/admin/products/{sku.product_id}/stock", data={**sent, "request_key": KEY}
    )

    assert answer.status_code == 422
    assert message in answer.text
    assert stored() == before


def test_a_file_is_imported_with_a_line_for_each_row(session, admin_client):
    client = admin_client("operations")
    sku = make_product(skus=(SkuInput((), 1_00, code="C-1", opening_stock=3),)).skus[0]

    def send(text: str, key: str = KEY):
        return client.post(
            "/admin/stock/import",
            data={"file": (io.BytesIO(text.encode()), "a.csv"), "request_key": key},
        )

    bad = send("C-1,9\nNOPE,1")
    assert bad.status_code == 422
    assert "库存没有任何改动" in bad.text
    assert "没有这个货号的在售规格" in bad.text
    assert fresh(sku).stock == 3
    good = send("货号,数量\nC-1,9")
    assert good.status_code == 200
    assert "1 行全部正确，1 个规格的库存有变化" in good.text
    assert fresh(sku).stock == 9
    assert client.post("/admin/stock/import", data={"request_key": KEY}).status_code == 422
    assert "文件里没有数据" in send("").text


def test_a_picture_is_kept_and_can_be_seen(app, session, admin_client, client):
    answer = admin_client("operations").post(
        "/admin/products/pictures", data={"file": (io.BytesIO(photo()), "../../x.php")}
    )

    assert (answer.status_code, answer.json["width"]) == (200, 500)
    path = answer.json["path"]
    assert (web.settings().data_dir / "media" / path).exists()
    assert client.get(answer.json["url"]).headers["Content-Type"] == "image/jpeg"
    assert client.get(answer.json["small"]).status_code == 200


def test_a_large_picture_passes_and_a_larger_one_is_told(session, admin_client):
    client = admin_client("operations")

    def send(size: int):
        # Behind the picture: what was appended counts for the size and is not kept.
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.jpg"\r\n\r\n'
        return client.post(
            "/admin/products/pictures",
            data=head + photo() + b"\0" * size + b"\r\n--b--\r\n",
            content_type="multipart/form-data; boundary=b",
        )

    assert send(2 * 1024 * 1024).status_code == 200
    assert send(5 * 1024 * 1024).status_code == 422
    refused = client.post(
        "/admin/products/pictures", data={"file": (io.BytesIO(b"<svg/>"), "x.jpg")}
    )
    assert (refused.status_code, refused.json["message"]) == (
        422,
        "这不是可用的图片，请上传 JPG、PNG 或 WebP",
    )


def test_who_may_only_look_changes_nothing(session, admin_client):
    product = make_product()
    client = admin_client("auditor")
    before = stored()

    page = client.get(f"/admin/products/{product.id}").text
    refused = [
        client.post(path, data=FORM).status_code
        for path in (
            "/admin/products",
            f"/admin/products/{product.id}",
            f"/admin/products/{product.id}/copy",
            f"/admin/products/{product.id}/shelf",
            f"/admin/products/{product.id}/stock",
            "/admin/products/batch",
            "/admin/products/prices",
            "/admin/products/stocks",
            "/admin/products/pictures",
            "/admin/stock/import",
            "/admin/categories",
            "/admin/freight",
        )
    ]

    assert refused == [403] * 12
    assert "disabled" in page
    assert "保存</button>" not in page
    assert stored() == before


def test_the_list_is_narrowed_by_tab_text_code_and_category(session, admin_client):
    client = admin_client("owner")
    tea = make_category("茶饮")
    make_product(
        "高山绿茶", category_id=tea.id, skus=(SkuInput((), 1_00, code="GS-1", opening_stock=9),)
    )
    make_product("马克杯")
    make_product("草稿品", is_on_shelf=False)

    def shown(query: str) -> list[str]:
        page = client.get(f"/admin/products?{query}").text
        return [t for t in ("高山绿茶", "马克杯", "草稿品") if f'title="{t}"' in page]

    assert shown("") == ["高山绿茶", "马克杯", "草稿品"]
    assert shown("state=on") == ["高山绿茶", "马克杯"]
    assert shown("state=draft") == ["草稿品"]
    assert shown("q=马克") == ["马克杯"]
    assert shown("q=GS-1") == ["高山绿茶"]
    assert shown("q=%25") == []
    assert shown(f"category={tea.id}") == ["高山绿茶"]
    assert shown("state=nonsense&category=x") == ["高山绿茶", "马克杯", "草稿品"]


def test_a_copy_opens_in_the_editor(session, admin_client):
    client = admin_client("operations")
    product = make_product()

    answer = client.post(f"/admin/products/{product.id}/copy")

    assert "高山绿茶 副本" in client.get(answer.headers["Location"]).text


def test_categories_are_made_moved_and_removed(session, admin_client):
    client = admin_client("operations")
    tea = make_category("茶饮")

    client.post(
        "/admin/categories", data={"name": "绿茶", "parent": tea.id, "sort": "3", "is_active": "1"}
    )

    made = db.session.scalars(sa.select(Category).filter_by(name="绿茶")).one()
    assert (made.parent_id, made.sort, made.is_active) == (tea.id, 3, True)
    client.post(f"/admin/categories/{made.id}", data={"name": "名茶", "parent": "", "sort": "1"})
    assert (fresh(made).name, made.parent_id, made.is_active) == ("名茶", None, False)
    refused = client.post(f"/admin/categories/{tea.id}", data={"name": "名茶", "sort": "x"})
    assert (refused.status_code, fresh(tea).name) == (422, "茶饮")
    assert "排序应为 0 到 9999 的整数" in refused.text
    make_product(category_id=made.id)
    client.post(f"/admin/categories/{made.id}/remove")
    assert "这个分类下还有商品" in client.get("/admin/categories").text
    client.post(f"/admin/categories/{tea.id}/remove")
    assert db.session.scalars(sa.select(Category.name)).all() == ["名茶"]


FREIGHT = {
    "name": "偏远加价",
    "counts": "piece",
    "places": ["", "新疆、西藏"],
    "serves": ["1", "0"],
    "first": ["2", ""],
    "first_fee": ["8", ""],
    "step": ["1", ""],
    "step_fee": ["2.50", ""],
    "free_from": ["99", ""],
}


def test_a_freight_template_is_made_and_changed(session, admin_client):
    client = admin_client("operations")

    client.post("/admin/freight", data=FREIGHT)

    made = db.session.scalars(sa.select(FreightTemplate)).one()
    terms = catalog.terms_of(made)
    assert (terms.default.first, terms.default.first_fen, terms.default.step_fen) == (2, 8_00, 2_50)
    assert terms.default.free_from_fen == 99_00
    assert (terms.regions[0].places, terms.regions[0].rate) == (("新疆", "西藏"), None)
    page = client.get("/admin/freight").text
    assert "2 件内 ¥8.00，每加 1 件 ¥2.50；满 ¥99.00 包邮" in page
    assert "新疆、西藏：不配送" in page
    client.post(f"/admin/freight/{made.id}", data={**FREIGHT, "name": "普通"})
    assert fresh(made).name == "普通"
    client.post(f"/admin/freight/{made.id}/remove")
    assert db.session.scalars(sa.select(FreightTemplate)).all() == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": ""}, "模板名称应为 1 到 30 个字"),
        ({"first": ["0", ""]}, "默认运费：首件（重）与续件（重）应为正整数"),
        ({"first_fee": ["八元", ""]}, "默认运费：首费格式不正确"),
        ({"serves": ["0", "0"]}, "请至少给默认地区或一组地区设置运费"),
        ({"places": ["", ""]}, "第 1 组地区：请填写省份或城市"),
    ],
)
def test_a_freight_template_with_a_fault_is_not_kept(session, admin_client, changed, message):
    client = admin_client("owner")
    mine = make_freight()
    before = stored()

    for address in ("/admin/freight", f"/admin/freight/{mine.id}"):
        answer = client.post(address, data={**FREIGHT, **changed})
        assert answer.status_code == 422
        assert message in answer.text
        assert 'value="2.50"' in answer.text

    assert stored() == before


def test_a_draft_is_shown_by_a_signed_link_and_only_by_that(session, admin_client, app):
    draft = make_product("还没有上架的茶", is_on_shelf=False)
    page = admin_client("auditor").get(f"/admin/products/{draft.id}/preview").text
    link = page.split('<iframe class="home-phone-page" src="')[1].split('"')[0]
    stranger = app.test_client()

    shown = stranger.get(link)

    assert shown.status_code == 200
    assert "还没有上架的茶" in shown.text
    assert "预览中，不能购买" in shown.text
    assert 'src="data:image/png;base64,' in page
    assert stranger.get(link[:-3] + "abc").status_code == 404


def test_a_count_is_refused_where_orders_changed_the_stock_meanwhile(session, admin_client):
    sku = make_product().skus[0]
    db.session.rollback()

    admin_client("operations").post(
        "/admin/products/stocks",
        data={"request_key": KEY, "mode": "set", "sku": sku.id, "seen": "9", "then": "4"},
    )

    assert fresh(sku).stock == 10
    assert acts("stock.count") == []


def test_pictures_come_in_by_a_plain_file_field_as_well(session, admin_client):
    product = make_product()
    client = admin_client("operations")
    address = f"/admin/products/{product.id}/pictures"

    client.post(address, data={"file": [(io.BytesIO(photo()), "a.jpg")]})

    assert len(only_product().pictures) == 2
    client.post(address, data={"file": [(io.BytesIO(b"no picture"), "b.jpg")]})
    assert "error" in client.get(f"/admin/products/{product.id}").text
    assert len(only_product().pictures) == 2
