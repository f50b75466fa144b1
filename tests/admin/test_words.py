"""Nothing that the domains store reaches the page without a word for it."""

import pytest

from app import ledger
from app.admin import words
from app.admin.models import Role
from app.admin.tables import LISTINGS, Personal
from app.admin.words import entries
from app.catalog import ProductKind, ProductStatus
from app.commission import CommissionStatus
from app.commission.bonus import ResultState
from app.debts import WriteOffState
from app.distribution import AttemptResult, BindingSource, DistributorStatus
from app.distribution.channels import ChannelKind, Outcome, ScanSource
from app.distribution.joining.form import FieldKind
from app.distribution.levels import Cause, Period
from app.distribution.models import AppealStatus
from app.ledger import AccountKind
from app.members import MemberStatus
from app.orders import InvoiceStatus, OddityKind, OrderStatus, PaymentStatus
from app.reconciliation import BillKind, BreakKind, DayState
from app.reports.exports import ExportState
from app.wechat.replies import ReplyType, RuleKind
from app.withdrawals import BillState, LockCause, WithdrawalStatus, reasons


@pytest.mark.parametrize(
    ("said", "states"),
    [
        (words.orders.ORDER, OrderStatus),
        (words.orders.INVOICE, InvoiceStatus),
        (words.orders.PAYMENT, PaymentStatus),
        (words.people.DISTRIBUTOR, DistributorStatus),
        (words.shop.PRODUCT, ProductStatus),
        (words.shop.PRODUCT_KIND, ProductKind),
        (words.commissions.COMMISSION, CommissionStatus),
        (words.commissions.BONUS, ResultState),
        (words.payouts.WITHDRAWAL, WithdrawalStatus),
        (words.payouts.BILL, BillState),
        (words.people.MEMBER, MemberStatus),
        (words.people.ATTEMPT, AttemptResult),
        (words.people.SOURCE, BindingSource),
        (words.people.APPEAL, AppealStatus),
        (words.people.FIELD_KIND, FieldKind),
        (words.account.CHANNEL_KIND, ChannelKind),
        (words.account.SCAN_SOURCE, ScanSource),
        (words.desk.ROLE, Role),
        (words.desk.EXPORT, ExportState),
        (words.desk.PERSONAL, Personal),
        (words.account.REPLY_KIND, RuleKind),
        (words.account.REPLY_TYPE, ReplyType),
        (words.account.REPLY_BEFORE, RuleKind),
        (words.money.ACCOUNT, AccountKind),
        (words.orders.ODDITY, OddityKind),
        (words.money.BREAK, BreakKind),
        (words.money.WRITE_OFF, WriteOffState),
        (words.money.RECONCILED, DayState),
        (words.money.BILL_FILE, BillKind),
        (words.payouts.LOCK_CAUSE, LockCause),
        (words.levels.CAUSE, Cause),
        (words.levels.KEEP_PERIOD, Period),
    ],
)
def test_every_state_has_a_word(said, states):
    assert set(said) == {state.value for state in states}


def test_every_result_of_a_scan_has_a_word():
    assert set(words.account.SCAN) == {
        *(result.value for result in AttemptResult),
        *(outcome.value for outcome in Outcome if outcome is not Outcome.TRIED),
        "bound_same",
    }


def test_every_filter_is_called_by_a_word_where_a_file_was_taken():
    names = {name for listing in LISTINGS.values() for name in listing.filters}

    assert [name for name in sorted(names) if entries.known(name) is None] == []


@pytest.mark.parametrize(
    ("name", "subject", "value", "said"),
    [
        ("content", "reply", "您好", ("回复内容", "您好")),
        ("cadence", "report_subscription", "weekly", ("频率", "每周")),
        ("ways", "report_subscription", ["mail", "wechat"], ("发送方式", "邮件、公众号消息")),
        ("recipients", "report_subscription", [], ("接收人编号", "无")),
        ("with_team", "member", True, ("连同团队", "是")),
        ("effective_from", "plan", "2026-12-01T16:00:00+00:00", ("生效时间", "2026-12-02 00:00")),
        ("effective_from", "plan", "soon", ("生效时间", "soon")),
        ("kind", "notice_template", "withdrawal_rejected", ("通知", "提现未通过审核")),
        ("channel", "notice_template", "template", ("发送方式", "模板消息")),
        ("channel", "payout_batch", "bank", ("打款方式", "银行卡")),
        ("channel", "channel", "bank", ("渠道名称", "bank")),
        ("status", "aftersale", "approved", ("状态", "待买家寄回")),
        ("status", "distributor", "approved", ("状态", "正常")),
        ("status", "distributor", "", ("状态", "—")),
        ("events", "hook", ["order.paid", "order.closed"], ("事件", "订单已付款、订单已关闭")),
        ("catalog.member_price_for", "setting", "followers", ("谁享受会员价", "关注公众号的会员")),
    ],
)
def test_a_field_of_an_entry_is_said_by_what_it_is_about(name, subject, value, said):
    shown = words.fields.shown(name, value, subject=subject)

    assert (words.fields.field(name, subject), shown) == said


def test_the_rules_of_a_bonus_are_said_as_on_its_page():
    document = {
        "metric": "personal_sales",
        "period": "month",
        "tier_mode": "whole",
        "steps": [{"from": 1000_00, "bps": 300}],
        "reward": "cash",
    }

    assert words.fields.shown("document", document, subject="bonus") == (
        "每月 · 直推销售额 · 现金；全额；满 ¥1,000 3%"
    )


def test_every_invariant_is_said_in_chinese(session):
    assert {result.code for result in ledger.verify()} <= set(words.money.INVARIANT)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"bps": 1000}, "10%"),
        ({"bps": 1250}, "12.5%"),
        ({"bps": 5}, "0.05%"),
        ({"bps": 0}, "0%"),
        ({"fen": 500}, "每件 ¥5.00"),
        (
            {
                "tiers": {
                    "by": "order_paid",
                    "steps": [{"from": 0, "bps": 500}, {"from": 50_000, "bps": 800}],
                }
            },
            "按订单实付：¥0.00 起 5%，¥500.00 起 8%",
        ),
        (
            {"tiers": {"by": "margin", "steps": [{"from": 3000, "fen": 200}]}},
            "按毛利率：30% 起 每件 ¥2.00",
        ),
    ],
)
def test_a_rate_is_said_as_a_person_would(document, said):
    assert words.commissions.rate(document) == said


def test_the_prices_of_a_product_are_said_in_yuan():
    prices = {"price_fen": 59_90, "member_price_fen": None, "cost_fen": 24_00}

    assert words.fields.shown("skus", {"雾蓝": prices, "奶白": {"price_fen": 65_00}}) == (
        "雾蓝：售价 ¥59.90，成本 ¥24.00；奶白：售价 ¥65.00"
    )
    assert words.fields.shown("skus", {}) == "—"
    assert words.fields.shown("counts", "weight") == "按重量"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("default", "方案默认费率"),
        ("level:gold", "等级费率（金牌）"),
        ("product:7", "商品专属费率（7）"),
        ("category:3", "分类费率（3）"),
    ],
)
def test_a_rates_source_is_said_in_words(source, said):
    assert words.commissions.rate_source(source, {"gold": "金牌"}.get) == said


@pytest.mark.parametrize("code", sorted(set(reasons._FAIL_REASON) - set(BillState)))
def test_what_the_member_is_told_of_a_failed_transfer_the_desk_reads_with_its_code(code):
    assert words.payouts.told(code).endswith(f"（{code}）")


def test_a_state_of_wechats_is_put_into_words_and_a_persons_note_is_left():
    assert words.payouts.told("PROCESSING") == "处理中"
    assert words.payouts.told("姓名不符，请重新填写") == "姓名不符，请重新填写"
