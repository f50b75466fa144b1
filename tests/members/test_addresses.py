"""Addresses, and the regions they lie in."""

import pytest

from app import members
from app.core.db import run_unit
from app.core.errors import InvalidInput, NotFound
from app.members import ADDRESSES_MAX, AddressInput, TooManyAddresses, regions
from tests.factories import NOON, make_member


def given(detail="文三路 1 号", region="浙江省 杭州市 西湖区") -> AddressInput:
    return AddressInput("王芳", "13812345678", region, detail)


def add(member, detail="文三路 1 号", **more):
    return run_unit(members.add_address, member.id, given(detail), now=NOON, **more)


def kept(member) -> list[tuple[str, bool]]:
    return [(a.detail, a.is_default) for a in members.addresses_of(member.id)]


@pytest.fixture
def wang(session):
    return make_member("王芳")


@pytest.mark.parametrize(
    ("text", "code", "written"),
    [
        ("浙江省 杭州市 西湖区", "330106", "浙江省 杭州市 西湖区"),
        ("浙江省杭州市西湖区", "330106", "浙江省 杭州市 西湖区"),
        ("北京市 北京市 东城区", "110101", "北京市 东城区"),
        ("北京市 东城区", "110101", "北京市 东城区"),
        ("河南省 省直辖县 济源市", "419001", "河南省 济源市"),
    ],
)
def test_a_region_is_known_by_its_full_name(text, code, written):
    found = regions.find(text)

    assert (found.code, found.written) == (code, written)


@pytest.mark.parametrize("text", ["", "浙江省", "浙江省 杭州市", "西湖区", "浙江省 杭州市 东城区"])
def test_what_is_no_county_is_no_region(text):
    assert regions.find(text) is None


def test_every_county_is_found_by_the_name_it_is_written_with():
    every = set(regions._by_name().values())

    lost = [region for region in every if regions.find(region.written) != region]

    assert len(every) > 2800
    assert lost == []


def test_a_region_outside_of_the_data_is_refused(wang):
    with pytest.raises(InvalidInput, match="请选择到区县") as refused:
        run_unit(members.add_address, wang.id, given(region="火星省 环形山市"), now=NOON)

    assert refused.value.field == "region"
    assert kept(wang) == []


def test_the_first_address_is_the_default_one_and_later_ones_are_not(wang):
    add(wang, "一")
    address = add(wang, "二")

    assert kept(wang) == [("一", True), ("二", False)]
    assert address.region_code == "330106"


def test_there_is_one_default_address(wang):
    add(wang, "一")
    add(wang, "二", is_default=True)

    assert kept(wang) == [("二", True), ("一", False)]


def test_a_deleted_default_is_followed_by_the_newest(wang):
    first = add(wang, "一")
    add(wang, "二")
    add(wang, "三")

    run_unit(members.delete_address, wang.id, first.id)

    assert kept(wang) == [("三", True), ("二", False)]


def test_an_address_is_mended(wang):
    address = add(wang, "一")

    run_unit(members.change_address, wang.id, address.id, given("新的"), now=NOON)

    assert kept(wang) == [("新的", True)]


def test_there_is_a_limit(wang):
    for n in range(ADDRESSES_MAX):
        add(wang, str(n + 1))

    with pytest.raises(TooManyAddresses):
        add(wang, "多")

    assert len(kept(wang)) == ADDRESSES_MAX


def test_another_members_address_is_not_found(wang):
    address = add(wang, "一")
    other = make_member()

    for work in (
        lambda: members.change_address(other.id, address.id, given("新的"), now=NOON),
        lambda: members.make_default(other.id, address.id),
        lambda: members.delete_address(other.id, address.id),
    ):
        with pytest.raises(NotFound):
            run_unit(work)

    assert kept(wang) == [("一", True)]
