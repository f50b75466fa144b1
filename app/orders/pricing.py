"""What an order costs (算价): every part of the price, to the fen.

The goods at today's prices, the freight, and adjustments (优惠: coupons, points)
that lower it. What an adjustment takes off is divided over the lines, because a
line's commissions and refunds are computed from what was paid for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app import catalog
from app.core.errors import InvalidInput
from app.core.money import split_fen
from app.orders import prices
from app.orders.models import QUANTITY_MAX

LINES_MAX = 100


@dataclass(frozen=True)
class Item:
    """What a person wants: so many pieces of a SKU."""

    sku_id: int
    quantity: int


@dataclass(frozen=True)
class Adjustment:
    """Something that lowers the price of the goods of an order (优惠).

    `kind` is for machines (`coupon`, `points`), `title` for people; `amount_fen`
    is above 0 and taken off.
    """

    kind: str
    title: str
    amount_fen: int


@dataclass(frozen=True)
class QuotedLine:
    sku: catalog.Goods
    quantity: int
    # What a piece costs this buyer.
    unit_fen: int
    # What is paid for this line after every discount, freight left out.
    paid_fen: int

    @property
    def goods_fen(self) -> int:
        return self.unit_fen * self.quantity


def is_virtual(sku: catalog.Goods) -> bool:
    return sku.product.kind is catalog.ProductKind.VIRTUAL


@dataclass(frozen=True)
class Quote:
    """What an order would cost now, every part of the price in fen."""

    lines: list[QuotedLine]
    goods_fen: int
    freight_fen: int = 0
    adjustments: list[Adjustment] = field(default_factory=list)

    @property
    def is_virtual(self) -> bool:
        """Whether nothing of it is sent: it needs no address."""
        return all(is_virtual(line.sku) for line in self.lines)

    @property
    def discount_fen(self) -> int:
        return sum(adjustment.amount_fen for adjustment in self.adjustments)

    @property
    def payable_fen(self) -> int:
        return self.goods_fen + self.freight_fen - self.discount_fen


def quote(
    items: Sequence[Item],
    *,
    buyer_id: int | None = None,
    region: str = "",
    adjustments: Sequence[Adjustment] = (),
    skus: Mapping[int, catalog.Goods] | None = None,
) -> Quote:
    """Price the items as the server knows them (算价).

    `buyer_id` is who buys: some pay the member price. `region` is where they are
    sent; without one, as for what is fetched at a shop, there is no freight. `skus`
    are those for sale as they were read a moment ago, for a page.

    Raises:
        InvalidInput: no items, one named twice, too many, or a quantity out of
            1 to 999.
        SoldOff: an item is not for sale.
        NotDelivered: something is not sent to `region`.
    """
    if not items:
        raise InvalidInput("items", "请选择要购买的商品")
    if len(items) > LINES_MAX:
        raise InvalidInput("items", f"一次最多购买 {LINES_MAX} 种商品，请分开下单")
    if len({item.sku_id for item in items}) < len(items):
        raise InvalidInput("items", "同一种商品重复出现，请返回购物车重新结算")
    for item in items:
        if not 1 <= item.quantity <= QUANTITY_MAX:
            raise InvalidInput("quantity", f"购买数量应在 1 到 {QUANTITY_MAX} 之间")
    if skus is None:
        skus = catalog.skus_for_sale(item.sku_id for item in items)
    units = prices.unit_prices(skus.values(), buyer_id=buyer_id)
    goods = {item.sku_id: units[item.sku_id] * item.quantity for item in items}
    off = allocate(sum(a.amount_fen for a in adjustments), goods)
    lines = [
        QuotedLine(
            skus[item.sku_id],
            item.quantity,
            unit_fen=units[item.sku_id],
            paid_fen=goods[item.sku_id] - off[item.sku_id],
        )
        for item in items
    ]
    return Quote(
        lines=lines,
        goods_fen=sum(goods.values()),
        freight_fen=_freight_fen(lines, region) if region else 0,
        adjustments=list(adjustments),
    )


def _freight_fen(lines: Sequence[QuotedLine], region: str) -> int:
    """What sending costs: goods under the same terms travel together (运费)."""
    lines = [line for line in lines if not is_virtual(line.sku)]
    charged = [line for line in lines if line.sku.product.freight_template_id is not None]
    terms = catalog.templates_of([line.sku.product_id for line in charged])
    parcels: dict[catalog.Terms, list[QuotedLine]] = {}
    for line in lines:
        if line.sku.product_id in terms:
            parcels.setdefault(terms[line.sku.product_id], []).append(line)
    return sum(
        catalog.freight_fen(
            under,
            region,
            quantity=sum(line.quantity for line in parcel),
            weight_g=sum(line.sku.weight_g * line.quantity for line in parcel),
            goods_fen=sum(line.goods_fen for line in parcel),
        )
        for under, parcel in parcels.items()
    )


def allocate(total_fen: int, goods: Mapping[int, int]) -> dict[int, int]:
    """Divide an order-wide discount over lines in proportion to their goods (优惠分摊).

    `goods` is the worth of each line in fen by its SKU. Largest remainder: the
    parts sum to the total, no line gets more than it is worth, and the parts do
    not depend on the order of the lines: ties go to the smaller id.

    Raises ValueError for a discount below 0 or above what the goods are worth.
    """
    if not 0 <= total_fen <= sum(goods.values()):
        raise ValueError("a discount is between nothing and the worth of the goods")
    keys = sorted(goods)
    return dict(zip(keys, split_fen(total_fen, [goods[key] for key in keys]), strict=True))
