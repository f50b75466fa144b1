"""Everything that is kept of one member, section by section.

A section says what it is for and how long it stays. Rows hold plain values: fen as
whole numbers, times as aware datetimes, states by their stored names. Whoever else
appears (buyers, the upline) does so by a masked name.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from app import distribution, members
from app.aftersales import AfterSale
from app.catalog import Product
from app.commission import Commission, bonus
from app.content.sharing import Article, ArticleRead
from app.core.db import Model, Rows, db
from app.distribution import BindingAttempt, channels
from app.distribution.joining import form
from app.interests import Favourite, Visit, VisitorDay
from app.ledger import Account, Entry
from app.members import Address, Consent, Member
from app.notices import Notice
from app.orders import InvoiceRequest, Order, OrderLine, Payment
from app.orders.cart.models import CartLine
from app.privacy.parts import Section, registered
from app.reviews import Review
from app.tax import Identity
from app.uploads import MemberUpload
from app.withdrawals import PayeeAccount, TransferGrant, Withdrawal, WithdrawalPayee, Withholding

_TRADE_LAW = "电子商务法要求的交易记录"
_TRADE_KEPT = "交易完成后 3 年；注销后不再对应到你本人"
_UNTIL_GONE = "直到你删除，或注销账号"
_TAX_LAW = "佣金结算、代扣个人所得税"


def sections(member_id: int) -> list[Section]:
    """What is kept of this member. Raises NotFound."""
    member = members.get(member_id)
    return [
        _profile(member),
        _addresses(member_id),
        _consents(member_id),
        *_orders(member_id),
        *_said(member_id),
        *_looked_at(member_id),
        *_distribution(member_id),
        *_money(member_id),
        *_tax(member_id),
        *_payees(member_id),
        _notices(member_id),
        *(part.section(member) for part in registered()),
    ]


def _profile(member: Member) -> Section:
    upline = members.names_of([member.upline1_id] if member.upline1_id else [])
    row = {
        "nickname": member.nickname,
        "avatar_url": member.avatar_url,
        "openid": member.openid,
        "member_number": member.public_id,
        "is_subscribed": member.is_subscribed,
        "joined_at": member.created_at,
        "upline": next((found.masked_name for found in upline.values()), ""),
        "bound_at": member.bound_at,
    }
    columns = (
        ("nickname", "昵称"),
        ("avatar_url", "头像"),
        ("openid", "微信身份编号"),
        ("member_number", "会员编号"),
        ("is_subscribed", "已关注公众号"),
        ("joined_at", "加入时间"),
        ("upline", "推荐人"),
        ("bound_at", "绑定时间"),
    )
    return Section(
        "profile", "基本资料", "识别你本人、显示昵称头像", "注销账号时删除", columns, [row]
    )


def _addresses(member_id: int) -> Section:
    columns = (
        ("name", "收货人"),
        ("phone", "电话"),
        ("region", "地区"),
        ("detail", "详细地址"),
        ("is_default", "默认地址"),
        ("updated_at", "更新时间"),
    )
    rows = _all(sa.select(Address).filter_by(member_id=member_id).order_by(Address.id))
    return Section(
        "addresses", "收货地址", "给你发货，加密保存", _UNTIL_GONE, columns, _read(rows, columns)
    )


def _consents(member_id: int) -> Section:
    columns = (("document", "文件"), ("version", "版本"), ("agreed_at", "同意时间"))
    rows = _all(sa.select(Consent).filter_by(member_id=member_id).order_by(Consent.id))
    return Section(
        "consents",
        "同意记录",
        "证明你同意过的约定",
        "注销后 3 年，不再对应到你本人",
        columns,
        _read(rows, columns),
    )


def _orders(member_id: int) -> list[Section]:
    found: Sequence[Order] = _all(
        sa.select(Order)
        .filter_by(member_id=member_id)
        .options(selectinload(Order.lines))
        .order_by(Order.id)
    )
    numbers = {order.id: order.number for order in found}
    columns = (
        ("number", "订单号"),
        ("status", "状态"),
        ("goods_fen", "商品金额"),
        ("freight_fen", "运费"),
        ("discount_fen", "优惠"),
        ("payable_fen", "应付"),
        ("receiver_name", "收货人"),
        ("receiver_phone", "电话"),
        ("receiver_region", "地区"),
        ("receiver_detail", "详细地址"),
        ("remark", "备注"),
        ("delivery_note", "交付内容"),
        ("carrier", "快递公司"),
        ("tracking_number", "快递单号"),
        ("created_at", "下单时间"),
        ("paid_at", "付款时间"),
        ("received_at", "收货时间"),
    )
    line_columns = (
        ("order", "订单号"),
        ("title", "商品"),
        ("sku_name", "规格"),
        ("quantity", "数量"),
        ("unit_price_fen", "单价"),
        ("paid_fen", "实付"),
        ("refunded_fen", "已退"),
    )
    lines: list[OrderLine] = [line for order in found for line in order.lines]
    invoice_columns = (
        ("order", "订单号"),
        ("title", "抬头"),
        ("tax_number", "税号"),
        ("email", "邮箱"),
        ("amount_fen", "金额"),
        ("status", "状态"),
        ("invoice_number", "发票号码"),
        ("created_at", "申请时间"),
    )
    payment_columns = (
        ("order", "订单号"),
        ("out_trade_no", "支付单号"),
        ("transaction_id", "微信支付单号"),
        ("amount_fen", "金额"),
        ("status", "状态"),
        ("paid_at", "付款时间"),
    )
    payments = _all(sa.select(Payment).where(Payment.order_id.in_(numbers)).order_by(Payment.id))
    invoices = _all(
        sa.select(InvoiceRequest).filter_by(member_id=member_id).order_by(InvoiceRequest.id)
    )

    aftersale_columns = (
        ("order", "订单号"),
        ("number", "售后单号"),
        ("kind", "类型"),
        ("status", "状态"),
        ("reason", "原因"),
        ("description", "说明"),
        ("goods_fen", "商品退款"),
        ("freight_fen", "运费退款"),
        ("created_at", "申请时间"),
        ("ended_at", "结束时间"),
    )
    aftersales = _all(sa.select(AfterSale).filter_by(member_id=member_id).order_by(AfterSale.id))

    def with_number(rows: Sequence[Any], wanted: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        read = _read(rows, wanted[1:])
        return [{"order": numbers.get(row.order_id, ""), **r} for row, r in zip(rows, read)]

    return [
        Section("orders", "订单", _TRADE_LAW, _TRADE_KEPT, columns, _read(found, columns)),
        Section(
            "order_lines",
            "订单商品",
            _TRADE_LAW,
            _TRADE_KEPT,
            line_columns,
            with_number(lines, line_columns),
        ),
        Section(
            "payments",
            "付款",
            _TRADE_LAW,
            _TRADE_KEPT,
            payment_columns,
            with_number(payments, payment_columns),
        ),
        Section(
            "aftersales",
            "售后",
            _TRADE_LAW,
            "交易完成后 3 年；注销时删除说明与图片",
            aftersale_columns,
            with_number(aftersales, aftersale_columns),
        ),
        Section(
            "invoices",
            "发票",
            "发票管理办法要求的开票记录",
            "5 年；注销时删除邮箱与个人抬头",
            invoice_columns,
            with_number(invoices, invoice_columns),
        ),
    ]


def _said(member_id: int) -> list[Section]:
    columns = (
        ("title", "商品"),
        ("stars", "星级"),
        ("text", "评价"),
        ("followup_text", "追评"),
        ("is_anonymous", "匿名"),
        ("status", "状态"),
        ("created_at", "评价时间"),
    )
    reviews = _all(sa.select(Review).filter_by(member_id=member_id).order_by(Review.id))
    picture_columns = (("path", "文件"), ("created_at", "上传时间"))
    pictures = _all(sa.select(MemberUpload).filter_by(member_id=member_id))
    return [
        Section(
            "reviews",
            "评价",
            "展示给其他顾客参考",
            "注销账号时删除",
            columns,
            _read(reviews, columns),
        ),
        Section(
            "uploads",
            "上传的图片",
            "展示在你的评价等内容里",
            "没有用到的一天后删除；其余注销时删除",
            picture_columns,
            _read(pictures, picture_columns),
        ),
    ]


def _looked_at(member_id: int) -> list[Section]:
    columns = (("product", "商品"), ("was_fen", "收藏时价格"), ("added_at", "收藏时间"))
    favourites = db.session.execute(
        sa.select(Product.title.label("product"), Favourite.was_fen, Favourite.added_at)
        .join(Product, Product.id == Favourite.product_id)
        .where(Favourite.member_id == member_id)
        .order_by(Favourite.id)
    ).mappings()
    seen_columns = (("product", "商品"), ("seen_at", "浏览时间"))
    visits = db.session.execute(
        sa.select(Product.title.label("product"), Visit.seen_at)
        .join(Product, Product.id == Visit.product_id)
        .where(Visit.member_id == member_id)
        .order_by(Visit.seen_at)
    ).mappings()
    days = db.session.execute(
        sa.select(VisitorDay.day, VisitorDay.first_at)
        .where(VisitorDay.member_id == member_id)
        .order_by(VisitorDay.day)
    ).mappings()
    read_columns = (("article", "文章"), ("read_at", "读完时间"))
    reads = db.session.execute(
        sa.select(Article.title.label("article"), ArticleRead.read_at)
        .join(Article, Article.id == ArticleRead.article_id)
        .where(ArticleRead.member_id == member_id)
        .order_by(ArticleRead.read_at)
    ).mappings()
    cart_columns = (("sku", "规格编号"), ("quantity", "数量"), ("added_at", "加入时间"))
    cart = _all(sa.select(CartLine).filter_by(member_id=member_id).order_by(CartLine.id))
    return [
        Section(
            "favourites",
            "收藏",
            "方便你再次找到",
            _UNTIL_GONE,
            columns,
            [dict(r) for r in favourites],
        ),
        Section(
            "visits",
            "浏览足迹",
            "方便你找回看过的商品",
            "90 天，或你清空时",
            seen_columns,
            [dict(r) for r in visits],
        ),
        Section(
            "visitor_days",
            "来访日期",
            "统计商城每天的访客人数",
            "90 天，或注销账号时删除",
            (("day", "日期"), ("first_at", "当天首次打开")),
            [dict(r) for r in days],
        ),
        Section(
            "training",
            "培训记录",
            "显示你读过哪些培训文章",
            "注销账号时删除",
            read_columns,
            [dict(r) for r in reads],
        ),
        Section(
            "cart",
            "购物车",
            "保存你选好的商品",
            _UNTIL_GONE,
            cart_columns,
            [
                {"sku": row.sku_id, "quantity": row.quantity, "added_at": row.added_at}
                for row in cart
            ],
        ),
    ]


def _standing(
    found: distribution.Distributor, columns: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """A standing with what was filled in, by the names that the fields had then."""
    fields = form.fields_of(form.by_id(found.form_id))
    given = found.answers
    said = [f"{field.label}：{given[field.key]}" for field in fields if field.key in given]
    plain = tuple(column for column in columns if column[0] != "answers")
    return {**_read([found], plain)[0], "answers": "；".join(said)}


def _distribution(member_id: int) -> list[Section]:
    standing = distribution.distributor_of(member_id)
    columns = (
        ("status", "状态"),
        ("level", "等级"),
        ("statement", "申请说明"),
        ("answers", "申请表"),
        ("applied_at", "申请时间"),
        ("approved_at", "通过时间"),
    )
    attempts = _all(
        sa.select(BindingAttempt).filter_by(member_id=member_id).order_by(BindingAttempt.id)
    )
    owners = members.names_of(row.owner_id for row in attempts if row.owner_id)
    attempt_columns = (
        ("at", "时间"),
        ("source", "来源"),
        ("code", "推广码"),
        ("owner", "推荐人"),
        ("result", "结果"),
    )
    appeal_columns = (
        ("created_at", "时间"),
        ("text", "申诉说明"),
        ("status", "状态"),
        ("answer", "商家答复"),
    )
    scan_columns = (("at", "时间"), ("source", "来源"), ("channel", "渠道"), ("result", "结果"))
    scans = _all(sa.select(channels.Scan).filter_by(member_id=member_id).order_by(channels.Scan.id))
    return [
        Section(
            "distributor",
            "分销资格",
            "佣金的依据",
            "注销后不再对应到你本人",
            columns,
            [_standing(standing, columns)] if standing else [],
        ),
        Section(
            "bindings",
            "推荐关系记录",
            "说明推荐人从何而来",
            "注销后不再对应到你本人",
            attempt_columns,
            [
                {
                    "at": row.at,
                    "source": row.source,
                    "code": row.code,
                    "owner": owners[row.owner_id].masked_name if row.owner_id else "",
                    "result": row.result,
                }
                for row in attempts
            ],
        ),
        Section(
            "appeals",
            "归属申诉",
            "答复你对推荐人的疑问",
            "注销时删除内容",
            appeal_columns,
            _read(distribution.appeals.of_member(member_id, limit=1000), appeal_columns),
        ),
        Section(
            "scans",
            "扫码记录",
            "统计各渠道带来的顾客",
            "注销后不再对应到你本人",
            scan_columns,
            [
                {
                    "at": row.at,
                    "source": row.source,
                    "channel": row.channel.name if row.channel else "",
                    "result": row.result,
                }
                for row in scans
            ],
        ),
    ]


def _money(member_id: int) -> list[Section]:
    commissions: Sequence[Commission] = _all(
        sa.select(Commission).filter_by(member_id=member_id).order_by(Commission.id)
    )
    buyers = dict(
        db.session.execute(
            sa.select(Order.id, Order.member_id).where(
                Order.id.in_({row.order_id for row in commissions})
            )
        ).all()
    )
    names = members.names_of(buyers.values())
    columns = (
        ("created_at", "时间"),
        ("buyer", "买家"),
        ("depth", "层级"),
        ("base_fen", "计佣金额"),
        ("amount_fen", "佣金"),
        ("status", "状态"),
    )
    entry_columns = (
        ("at", "时间"),
        ("account", "账户"),
        ("event", "事由"),
        ("amount_fen", "变动"),
    )
    entries: Sequence[Entry] = _all(
        sa.select(Entry)
        .join(Account)
        .where(Account.owner_id == member_id)
        .options(joinedload(Entry.account), joinedload(Entry.posting))
        .order_by(Entry.id)
    )
    withdrawal_columns = (
        ("number", "提现单号"),
        ("channel", "到账方式"),
        ("gross_fen", "提现金额"),
        ("tax_fen", "个人所得税"),
        ("vat_fen", "增值税"),
        ("fee_fen", "手续费"),
        ("net_fen", "到账金额"),
        ("status", "状态"),
        ("created_at", "申请时间"),
        ("ended_at", "结束时间"),
    )
    withdrawals = _all(sa.select(Withdrawal).filter_by(member_id=member_id).order_by(Withdrawal.id))
    kept = "税收征管法要求 10 年；注销后不再对应到你本人"
    bonus_columns = (
        ("name", "返利"),
        ("period", "周期"),
        ("value", "业绩"),
        ("amount", "金额"),
        ("state", "状态"),
        ("reason", "说明"),
    )
    bonuses = _all(
        sa.select(bonus.BonusResult).filter_by(member_id=member_id).order_by(bonus.BonusResult.id)
    )
    return [
        Section(
            "bonuses",
            "返利",
            _TAX_LAW,
            kept,
            bonus_columns,
            [
                {
                    "name": row.version.name,
                    "period": row.run.label,
                    "value": bonus.wording.value(row.program.metric, row.result.value),
                    "amount": bonus.wording.amount(row.program.reward, row.result.standing_fen),
                    "state": row.result.state,
                    "reason": row.result.reason,
                }
                for row in bonus.queries.with_facts(bonuses)
            ],
        ),
        Section(
            "commissions",
            "佣金",
            _TAX_LAW,
            kept,
            columns,
            [
                {
                    "created_at": row.created_at,
                    "buyer": "本人"
                    if buyers[row.order_id] == member_id
                    else names[buyers[row.order_id]].masked_name,
                    "depth": row.depth,
                    "base_fen": row.base_fen,
                    "amount_fen": row.amount_fen,
                    "status": row.status,
                }
                for row in commissions
            ],
        ),
        Section(
            "wallet",
            "钱包流水",
            _TAX_LAW,
            kept,
            entry_columns,
            [
                {
                    "at": row.posting.at,
                    "account": row.account.kind,
                    "event": row.posting.event,
                    "amount_fen": row.amount_fen,
                }
                for row in entries
            ],
        ),
        Section(
            "withdrawals",
            "提现",
            _TAX_LAW,
            kept,
            withdrawal_columns,
            _read(withdrawals, withdrawal_columns),
        ),
    ]


def _tax(member_id: int) -> list[Section]:
    columns = (("name", "姓名"), ("number", "身份证号码"), ("created_at", "填写时间"))
    rows = _all(sa.select(Identity).filter_by(member_id=member_id))
    held_columns = (
        ("month", "月份"),
        ("method", "代扣方式"),
        ("gross_fen", "提现金额"),
        ("taxable_fen", "应纳税所得额"),
        ("rate_bps", "税率（万分比）"),
        ("tax_fen", "代扣税额"),
        ("reversed_at", "退回时间"),
    )
    held = _all(
        sa.select(Withholding).filter_by(member_id=member_id).order_by(Withholding.withdrawal_id)
    )
    return [
        Section(
            "identity",
            "实名信息",
            "代扣个人所得税、向税务机关报送、请微信支付核对收款人姓名，加密保存",
            "没有代扣过税款时随时可删除；代扣过的依法保存 10 年",
            columns,
            _read(rows, columns),
        ),
        Section(
            "withheld",
            "代扣税款",
            _TAX_LAW,
            "税收征管法要求 10 年",
            held_columns,
            _read(held, held_columns),
        ),
    ]


def _payees(member_id: int) -> list[Section]:
    shared = (
        ("channel", "到账方式"),
        ("bank_name", "银行"),
        ("holder", "收款人"),
        ("account", "账号"),
    )
    columns = (*shared, ("created_at", "添加时间"))
    rows = _all(sa.select(PayeeAccount).filter_by(member_id=member_id).order_by(PayeeAccount.id))
    paid = db.session.execute(
        sa.select(Withdrawal.number, WithdrawalPayee)
        .join(WithdrawalPayee, WithdrawalPayee.withdrawal_id == Withdrawal.id)
        .where(Withdrawal.member_id == member_id)
        .order_by(Withdrawal.id)
    ).all()
    grant_columns = (
        ("out_authorization_no", "授权单号"),
        ("status", "状态"),
        ("created_at", "申请时间"),
        ("active_at", "生效时间"),
        ("closed_at", "关闭时间"),
    )
    granted = _all(
        sa.select(TransferGrant).filter_by(member_id=member_id).order_by(TransferGrant.id)
    )
    return [
        Section(
            "transfer_grants",
            "提现自动到账（免确认收款授权）",
            "你同意后，微信支付把提现直接存入你的零钱；向微信支付提供你的昵称，显示在授权页上",
            "注销时在微信支付关闭，只留授权单号和时间，作为付款依据",
            grant_columns,
            _read(granted, grant_columns),
        ),
        Section(
            "payees",
            "收款账户",
            "把提现付到你的银行卡或支付宝，加密保存",
            _UNTIL_GONE,
            columns,
            _read(rows, columns),
        ),
        Section(
            "withdrawal_payees",
            "提现的收款人",
            "证明每笔提现付给了谁；微信支付核对收款人姓名",
            "付到银行卡和支付宝的，作为付款凭证依法加密保存 10 年；其余在注销时删除",
            (("number", "提现单号"), *shared),
            [
                {"number": number, **{name: getattr(payee, name) for name, _ in shared}}
                for number, payee in paid
            ],
        ),
    ]


def _notices(member_id: int) -> Section:
    columns = (("created_at", "时间"), ("kind", "种类"), ("values", "内容"))
    rows = _all(sa.select(Notice).filter_by(member_id=member_id).order_by(Notice.id))
    return Section(
        "notices", "消息", "告诉你订单和佣金的进展", "注销账号时删除", columns, _read(rows, columns)
    )


def _all(query: Rows) -> Sequence[Any]:
    return db.session.scalars(query).all()


def _read(rows: Iterable[Model], columns: Sequence[tuple[str, str]]) -> list[Mapping[str, Any]]:
    return [{name: getattr(row, name) for name, _ in columns} for row in rows]
