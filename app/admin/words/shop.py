"""Words for products, reviews and the home page (商品与首页)."""

from collections.abc import Mapping

from app.admin.words.base import Word
from app.catalog import ProductKind, ProductStatus, RowRule
from app.content import Kind
from app.reviews import ReviewStatus

REVIEW: Mapping[str, Word] = {
    ReviewStatus.WAITING: ("待审核", "wait"),
    ReviewStatus.SHOWN: ("已展示", "good"),
    ReviewStatus.HIDDEN: ("已隐藏", "off"),
}
PRODUCT: Mapping[str, Word] = {
    ProductStatus.DRAFT: ("草稿", "off"),
    ProductStatus.ON: ("已上架", "good"),
    ProductStatus.OFF: ("已下架", "off"),
}
PRODUCT_KIND: Mapping[str, str] = {
    ProductKind.PHYSICAL: "实物商品",
    ProductKind.VIRTUAL: "虚拟商品",
}
HOME_KIND: Mapping[str, tuple[str, str, str]] = {
    # Its name, its icon, what it is for.
    Kind.BANNER: ("轮播图", "image", "几张大图轮流展示，最多 8 张"),
    Kind.NOTICE: ("公告", "megaphone", "一行文字，几条轮流显示"),
    Kind.CATEGORIES: ("分类导航", "grid", "圆形图标，点进分类页"),
    Kind.PRODUCTS: ("商品橱窗", "bag", "手工选品，或按新品、销量、分类、标签自动更新"),
    Kind.PICTURES: ("图片橱窗", "images", "每行 1 到 4 张图片"),
}
HOME_RULE: Mapping[str, tuple[str, str]] = {
    RowRule.HAND: ("手工选品", "按选择的顺序展示，下架的自动不显示"),
    RowRule.NEW: ("最新上架", "新上架的有货商品在前"),
    RowRule.SOLD: ("销量最高", "卖得最多的有货商品在前"),
    RowRule.CATEGORY: ("按分类", "这个分类和下级分类里有货的商品"),
    RowRule.TAG: ("按标签", "带有这个标签的有货商品"),
}
