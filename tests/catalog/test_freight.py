"""Freight: worked examples of the pure function, and templates that can be kept."""

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app import catalog
from app.audit import AuditEntry
from app.catalog import (
    FreightBy,
    FreightTemplate,
    InvalidFields,
    NotDelivered,
    ProductKind,
    Rate,
    RegionRate,
    Terms,
    freight_fen,
)
from app.core.db import db, run_unit, transaction
from app.core.errors import DomainError
from tests.factories import ADMIN, NOON, make_freight, make_product

FAR = RegionRate(("新疆", "西藏自治区"), Rate(1, 20_00, 1, 15_00))
NOT_SERVED = RegionRate(("香港特别行政区", "台湾"), None)
BY_PIECE = Terms(FreightBy.PIECE, Rate(2, 8_00, 1, 2_00, free_from_fen=99_00), (FAR, NOT_SERVED))
BY_WEIGHT = Terms(FreightBy.WEIGHT, Rate(1000, 10_00, 500, 3_00), (FAR,))


@pytest.mark.parametrize(
    ("terms", "region", "quantity", "weight_g", "goods_fen", "fen"),
    [
        # Two pieces are in the first fee; the third and fourth are one step each.
        (BY_PIECE, "浙江省 杭州市 西湖区", 1, 0, 50_00, 8_00),
        (BY_PIECE, "浙江省 杭州市 西湖区", 2, 0, 50_00, 8_00),
        (BY_PIECE, "浙江省 杭州市 西湖区", 4, 0, 50_00, 12_00),
        # Free from 99 yuan, not below; the far rate has no free amount.
        (BY_PIECE, "浙江省杭州市", 4, 0, 98_99, 12_00),
        (BY_PIECE, "浙江省杭州市", 4, 0, 99_00, 0),
        (BY_PIECE, "新疆维吾尔自治区 伊犁", 2, 0, 500_00, 35_00),
        (BY_PIECE, "西藏自治区拉萨市", 1, 0, 0, 20_00),
        # A begun half kilogram counts as a whole one.
        (BY_WEIGHT, "江苏省南京市", 9, 0, 10_00, 10_00),
        (BY_WEIGHT, "江苏省南京市", 1, 1000, 10_00, 10_00),
        (BY_WEIGHT, "江苏省南京市", 1, 1001, 10_00, 13_00),
        (BY_WEIGHT, "江苏省南京市", 1, 2500, 10_00, 19_00),
        (None, "随便哪里", 3, 9000, 1, 0),
    ],
)
def test_worked_examples(terms, region, quantity, weight_g, goods_fen, fen):
    assert freight_fen(terms, region, quantity, weight_g, goods_fen) == fen


@pytest.mark.parametrize("region", ["香港特别行政区九龙", "台湾省台北市"])
def test_a_region_that_is_not_served_is_refused(region):
    with pytest.raises(NotDelivered, match="该地区暂不配送，请更换收货地址"):
        freight_fen(BY_PIECE, region, 1, 0, 500_00)


def test_without_a_default_only_named_regions_are_served():
    terms = Terms(FreightBy.PIECE, None, (RegionRate(("上海",), Rate(1, 5_00, 1, 0)),))

    assert freight_fen(terms, "上海市浦东新区", 7, 0, 0) == 5_00
    with pytest.raises(NotDelivered):
        freight_fen(terms, "江苏省苏州市", 1, 0, 0)


def test_a_city_counts_before_its_province_whatever_the_order():
    city = RegionRate(("杭州市",), Rate(1, 3_00, 1, 1_00))
    province = RegionRate(("浙江",), Rate(1, 6_00, 1, 1_00))

    for regions in ((city, province), (province, city)):
        terms = Terms(FreightBy.PIECE, Rate(1, 9_00, 1, 1_00), regions)
        assert freight_fen(terms, "浙江省杭州市", 1, 0, 0) == 3_00
        assert freight_fen(terms, "浙江省宁波市", 1, 0, 0) == 6_00
        # A street that bears the city's name is not in it.
        assert freight_fen(terms, "广东省深圳市福田区香蜜湖街道杭州市路", 1, 0, 0) == 9_00


def test_a_provinces_name_inside_another_is_not_that_province():
    island = RegionRate(("海南",), Rate(1, 30_00, 1, 1_00))
    city = RegionRate(("吉林市",), Rate(1, 4_00, 1, 1_00))
    terms = Terms(FreightBy.PIECE, Rate(1, 9_00, 1, 1_00), (island, city))

    assert freight_fen(terms, "海南省三亚市", 1, 0, 0) == 30_00
    assert freight_fen(terms, "青海省海南藏族自治州", 1, 0, 0) == 9_00
    assert freight_fen(terms, "吉林省吉林市", 1, 0, 0) == 4_00
    assert freight_fen(terms, "吉林省长春市", 1, 0, 0) == 9_00


@given(
    st.integers(1, 999),
    st.integers(1, 99),
    st.integers(1, 99),
    st.integers(0, 99),
    st.integers(0, 99),
)
def test_one_piece_more_never_costs_less(quantity, first, step, first_fen, step_fen):
    terms = Terms(FreightBy.PIECE, Rate(first, first_fen, step, step_fen))

    fee = freight_fen(terms, "浙江省", quantity, 0, 0)

    assert fee <= freight_fen(terms, "浙江省", quantity + 1, 0, 0) <= fee + step_fen


def test_a_template_is_kept_as_it_was_given(session):
    template = make_freight("偏远加价", BY_PIECE)

    db.session.expire_all()
    assert catalog.terms_of(db.session.get_one(FreightTemplate, template.id)) == BY_PIECE
    entry = db.session.execute(sa.select(AuditEntry)).scalar_one()
    assert (entry.action, entry.subject_id, entry.before) == ("freight.save", template.id, None)
    assert entry.after["name"] == "偏远加价"


@pytest.mark.parametrize(
    ("name", "terms", "field", "message"),
    [
        ("", BY_PIECE, "name", "模板名称应为 1 到 30 个字"),
        ("一", Terms(FreightBy.PIECE, None), "default", "请至少给默认地区或一组地区设置运费"),
        ("一", Terms(FreightBy.PIECE, Rate(0, 1, 1, 1)), "default", "默认运费：数量或金额超出范围"),
        ("一", Terms(FreightBy.PIECE, Rate(1, 1, 1, 10_000_01)), "default", "超出范围"),
        (
            "一",
            Terms(FreightBy.PIECE, Rate(1, 1, 1, 1), (RegionRate((), None),)),
            "region-1",
            "第 1 组地区：请填写省份或城市",
        ),
        (
            "一",
            Terms(FreightBy.PIECE, Rate(1, 1, 1, 1), (FAR, RegionRate(("新疆",), None))),
            "region-2",
            "第 2 组地区：“新疆”在前面的组里已经有了",
        ),
    ],
)
def test_a_template_with_a_fault_is_refused_and_nothing_is_kept(
    session, name, terms, field, message
):
    with pytest.raises(InvalidFields) as refused:
        run_unit(catalog.save_freight, None, name=name, terms=terms, actor=ADMIN, now=NOON)

    assert message in refused.value.errors[field]
    assert catalog.freight_templates() == []
    assert db.session.scalars(sa.select(AuditEntry)).all() == []


def test_a_template_in_use_stays(session):
    template = make_freight()
    product = make_product(freight_template_id=template.id)

    with pytest.raises(DomainError, match="还有 1 个商品在使用这个运费模板"):
        run_unit(catalog.remove_freight, template.id, actor=ADMIN, now=NOON)

    assert [row.id for row in catalog.freight_templates()] == [template.id]
    assert catalog.templates_of([product.id]) == {product.id: catalog.terms_of(template)}


def test_what_is_not_sent_costs_no_freight(session):
    template = make_freight()
    product = make_product(kind=ProductKind.VIRTUAL, freight_template_id=template.id)

    assert catalog.templates_of([product.id]) == {}


def test_an_unused_template_is_removed(session):
    template = make_freight()

    with transaction():
        catalog.remove_freight(template.id, actor=ADMIN, now=NOON)

    assert catalog.freight_templates() == []
