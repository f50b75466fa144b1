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
    sku: catalog.Sku
    quantity: int
    # What is paid for this line after every discount, freight left out.
    paid_fen: int

    @property
    def goods_fen(self) -> int:
        return self.sku.price_fen * self.quantity


@dataclass(frozen=True)
class Quote:
    """What an order would cost now, every part of the price in fen."""

    lines: list[QuotedLine]
    goods_fen: int
    freight_fen: int = 0
    adjustments: list[Adjustment] = field(default_factory=list)

    @property
    def discount_fen(self) -> int:
        return sum(adjustment.amount_fen for adjustment in self.adjustments)

    @property
    def payable_fen(self) -> int:
        return self.goods_fen + self.freight_fen - self.discount_fen


def quote(
    items: Sequence[Item], *, adjustments: Sequence[Adjustment] = (), freight_fen: int = 0
) -> Quote:
    """Price the items as the server knows them (算价).

    Raises:
        InvalidInput: no items, one named twice, too many, or a quantity out of
            1 to 999.
        SoldOff: an item is not for sale.
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
    skus = catalog.skus_for_sale(item.sku_id for item in items)
    goods = {item.sku_id: skus[item.sku_id].price_fen * item.quantity for item in items}
    off = allocate(sum(a.amount_fen for a in adjustments), goods)
    return Quote(
        lines=[
            QuotedLine(skus[i.sku_id], i.quantity, goods[i.sku_id] - off[i.sku_id]) for i in items
        ],
        goods_fen=sum(goods.values()),
        freight_fen=freight_fen,
        adjustments=list(adjustments),
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
