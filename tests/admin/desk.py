"""What the panel's tests share: a desk with something on it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pyotp
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from app import (
    aftersales,
    catalog,
    commission,
    content,
    distribution,
    orders,
    outbox,
    reviews,
    risk,
    settings,
    withdrawals,
)
from app.admin import accounts, second_factor, sessions
from app.admin.auth import COOKIE
from app.admin.models import Admin, Role
from app.aftersales import AfterSale, AfterSaleKind, Wanted
from app.audit import Actor, AuditEntry
from app.catalog import ProductImport
from app.commission import Commission, PlanVersion, bonus
from app.commission.bonus import BonusResult, BonusRun, ResultState
from app.content import BlockInput, HomeBlock, Line, Notice, Places, sharing
from app.content.sharing import Article, ArticleInput, Material, MaterialInput
from app.core import clock, web
from app.core.db import db, run_unit, transaction
from app.debts import DebtWriteOff, WriteOffState
from app.distribution import Distributor, channels, levels, posters
from app.distribution.channels import Channel, ChannelInput
from app.distribution.posters import PosterTemplate
from app.integrations import Scope, hooks, keys
from app.integrations.hooks import DeliveryState, HookDelivery, HookEvent
from app.ledger import Posting
from app.members import Member
from app.orders import InvoiceRequest, Oddity, Order, OrderTrace, PickupShop
from app.reconciliation import Break, BreakKind, DayState, ReconciledDay
from app.reports import subscriptions
from app.reports.subscriptions import ReportDelivery
from app.reviews import Review, ReviewInput
from app.risk import RiskFlag
from app.risk.detection import watch_binding
from app.wechat import replies
from app.wechat.replies import ReplyRule, RuleInput
from app.withdrawals import (
    PayoutBatch,
    PayoutLine,
    RemittanceState,
    TaxRemittance,
    Withdrawal,
    vouchers,
)
from tests.factories import (
    ADMIN,
    PLAN,
    SYSTEM,
    bind,
    code_of,
    give_available,
    make_category,
    make_distributor,
    make_freight,
    make_level,
    make_member,
    make_plan,
    make_sku,
    notice_for,
    paid_order,
    place_order,
    received_order,
    take,
)
from tests.withdrawals.byhand import a_voucher, batch_of, open_channel, to_pay

PASSWORD = "tangerine-river-88"
# Blocks of tests that lead to no place need none.
NOWHERE = Places("", frozenset(), lambda _path: False)


@dataclass(frozen=True)
class Desk:
    """One of everything that the panel shows."""

    order: Order
    commission: Commission
    distributor: Distributor
    applicant: Distributor
    withdrawal: Withdrawal
    payout: tuple[PayoutBatch, PayoutLine]
    aftersale: AfterSale
    oddity: Oddity
    posting_id: int
    reply_id: int
    channel_id: int
    product_id: int
    import_id: int
    category_id: int
    template_id: int
    shop_id: int
    invoice_id: int
    trace_id: int
    block_id: int
    version_id: int
    review_id: int
    poster_id: int
    material_id: int
    article_id: int
    appeal_id: int
    draft_id: int
    flag_id: int
    write_off_id: int
    remittance_id: int
    proposal_id: int
    bonus: BonusResult
    bonus_id: int
    admin_id: int
    key_id: int
    delivery: HookDelivery
    difference: Break
    report_sent: ReportDelivery

    def values(self) -> dict[str, Any]:
        """For the variable parts of the panel's addresses."""
        return {
            "commission_id": self.commission.id,
            "plan_id": self.commission.plan_id,
            "draft_id": self.draft_id,
            "distributor_id": self.distributor.id,
            "posting_id": self.posting_id,
            "oddity_id": self.oddity.id,
            "key": "withdraw.min_fen",
            "reply_id": self.reply_id,
            "channel_id": self.channel_id,
            "product_id": self.product_id,
            "import_id": self.import_id,
            "category_id": self.category_id,
            "template_id": self.template_id,
            "name": "settle",
            "shop_id": self.shop_id,
            "invoice_id": self.invoice_id,
            "trace_id": self.trace_id,
            "block_id": self.block_id,
            "version_id": self.version_id,
            "review_id": self.review_id,
            "poster_id": self.poster_id,
            "material_id": self.material_id,
            "article_id": self.article_id,
            "starter": "classic",
            "appeal_id": self.appeal_id,
            "flag_id": self.flag_id,
            "write_off_id": self.write_off_id,
            "remittance_id": self.remittance_id,
            "month": "2026-11",
            "bonus_id": self.bonus_id,
            "break_id": self.difference.id,
            "run_id": self.bonus.run_id,
            "result_id": self.bonus.id,
            "member_id": self.order.member_id,
            "year": "2026",
            "kind": "order_paid",
            "level_code": "senior",
            "admin_id": self.admin_id,
            "session_id": 0,
            "key_id": self.key_id,
            "listing": "orders",
            "report": "sales",
            "block": "sales",
            # Nobody's: views and exports are one's own.
            "view_id": 0,
            "export_id": 0,
            "hook_id": self.delivery.endpoint_id,
            "subscription_id": self.report_sent.subscription_id,
            "sent_id": self.report_sent.id,
            # Nobody's: a link is for whoever asked for it.
            "token": "x",
            "delivery_id": self.delivery.id,
            "line_id": self.payout[1].id,
            "voucher_id": self.payout[1].voucher_id,
            "proposal_id": self.proposal_id,
        }


def fill() -> Desk:
    make_plan(now=clock.now())
    make_level("senior", 10, "高级分销员", conditions={"own_sales_fen": 1000_00})
    earner = make_distributor("陈梅", now=clock.now())
    buyer = make_member("王芳", now=clock.now())
    bind(buyer, earner, now=clock.now())
    sku = make_sku()
    order = paid_order(buyer, sku, now=clock.now())
    give_available(earner, 300_00, now=clock.now())
    applicant = make_member("赵磊", now=clock.now())
    with transaction():
        distribution.apply(
            applicant.id,
            statement="想分享好物",
            agreed_version=distribution.CONTRACT_VERSION,
            now=clock.now(),
        )
    return Desk(
        order=order,
        commission=_one(sa.select(Commission).filter_by(order_id=order.id)),
        distributor=_one(sa.select(Distributor).filter_by(member_id=earner.id)),
        applicant=_one(sa.select(Distributor).filter_by(member_id=applicant.id)),
        withdrawal=ask_for(earner, 50_00),
        payout=a_payout(),
        aftersale=asked_refund(
            paid_order(make_member("钱宁", now=clock.now()), sku, now=clock.now())
        ),
        oddity=paid_late(buyer, sku),
        posting_id=_one(sa.select(Posting.id).order_by(Posting.id).limit(1)),
        reply_id=reply_rule().id,
        channel_id=a_channel(owner=code_of(earner)).id,
        product_id=sku.product_id,
        import_id=a_product_file().id,
        category_id=make_category().id,
        template_id=make_freight().id,
        shop_id=pickup_shop().id,
        invoice_id=invoice_of(order).id,
        trace_id=trace_of(order).id,
        block_id=home_block().id,
        version_id=run_unit(content.publish, places=NOWHERE, actor=SYSTEM, now=clock.now()).id,
        review_id=a_review().id,
        poster_id=a_poster().id,
        material_id=a_material().id,
        article_id=an_article().id,
        appeal_id=run_unit(
            distribution.appeals.ask, buyer.id, "是林杰介绍我来的", now=clock.now()
        ).id,
        draft_id=draft_plan().id,
        flag_id=a_flag(earner, buyer).id,
        write_off_id=a_write_off(earner).id,
        remittance_id=a_remittance().id,
        proposal_id=a_proposal().id,
        bonus=(earned := a_bonus(earner)),
        difference=a_break(),
        bonus_id=_one(sa.select(BonusRun.program_id).filter_by(id=earned.run_id)),
        admin_id=a_colleague().id,
        key_id=an_api_key(),
        delivery=a_delivery(),
        report_sent=a_sent_report(),
    )


def a_product_file() -> ProductImport:
    """An uploaded table with a product that could be made."""
    data = "商品编码,商品名称,售价\nT-1,高山绿茶,99".encode()
    return run_unit(
        catalog.product_import.upload, data, filename="商品.csv", actor=SYSTEM, now=clock.now()
    )


def an_api_key(*scopes: str, **given: Any) -> int:
    """A key for another system; with these scopes, or all of them."""
    facts = {"networks": "", "days": 365, "actor": SYSTEM, "now": clock.now(), **given}
    return run_unit(keys.create, "仓库系统", scopes=scopes or list(Scope), **facts)[0]


def a_delivery() -> HookDelivery:
    """An event that an endpoint did not take."""
    now = clock.now()
    made = {"url": "https://erp.example.com/mall-events", "events": list(HookEvent)}
    hook_id, _ = run_unit(hooks.create, "财务系统", **made, actor=SYSTEM, now=now)
    with transaction():
        row = HookDelivery(
            public_id="evt_ABCDEFGH",
            endpoint_id=hook_id,
            event=HookEvent.ORDER_PAID,
            subject_id=1,
            body="{}",
            state=DeliveryState.FAILED,
            attempts=10,
            due_at=now,
            answer_status=502,
            answer="Bad Gateway",
            sent_at=now,
            created_at=now,
        )
        db.session.add(row)
    return row


def a_sent_report() -> ReportDelivery:
    """A report that a colleague subscribed to, and that a mail server did not take."""
    now = clock.now()
    owner = a_colleague("reporter", Role.FINANCE)
    wanted = subscriptions.Wanted(
        *("sales", "30", "previous", "monthly", 31, 9, "xlsx"), ways=[], recipients=[owner.id]
    )
    row = run_unit(subscriptions.save, None, wanted, admin_id=owner.id, actor=SYSTEM, now=now)
    who = {"admin_id": owner.id, "is_owner": True, "actor": SYSTEM, "now": now}
    run_unit(subscriptions.send_now, row.id, **who)
    [found] = subscriptions.sending.due(now)
    subscriptions.sending.send(found, mailer=None, link=lambda *_: "", now=now)  # type: ignore[arg-type]
    with transaction():
        sent = db.session.get_one(ReportDelivery, found)
        sent.state, sent.error = (
            subscriptions.DeliveryState.FAILED,
            "邮件服务器没有接受这封邮件（552）",
        )
    return sent


def a_break() -> Break:
    """A payment that WeChat's bill does not have, on a day that was reconciled."""
    now = clock.now()
    day = clock.local(now).date() - timedelta(days=1)
    with transaction():
        row = Break(
            day=day,
            kind=BreakKind.PAYMENT,
            reference="P2026112100000001",
            wx_number="4200000000000000000000000001",
            ledger_fen=12_345_678_90,
            request_fen=12_345_678_90,
            found_at=now - timedelta(hours=30),
        )
        sums = {"count": 1, "ledger_fen": 12_345_678_90, "request_fen": 12_345_678_90}
        done = ReconciledDay(
            day=day,
            state=DayState.BREAKS,
            sums={"payment": {**sums, "bill_fen": 0}},
            break_count=1,
            checked_at=now,
        )
        db.session.add_all([row, done])
    return row


def draft_plan(document: dict | None = None, *, by: Actor = SYSTEM) -> PlanVersion:
    """A draft that differs from the plan in force by its direct rate: 12 %."""
    made = document or {**PLAN, "default": {"1": {"bps": 1200}, "2": {"bps": 500}}}
    return run_unit(commission.draft_plan, made, name="秋季方案", actor=by, now=clock.now())


BONUS: dict[str, Any] = {
    "metric": "personal_sales",
    "period": "month",
    "tier_mode": "whole",
    "steps": [{"from": 1_000_00, "bps": 300}],
    "reward": "cash",
    "conditions": {"clean_record": True},
}


def a_bonus(earner: Member, *, by: Actor = SYSTEM) -> BonusResult:
    """A bonus in force with a draft of what follows, and last month's run of it."""
    now = clock.now()
    given = bonus.BonusInput("月度销售奖", BONUS, "多卖多得")
    made = run_unit(bonus.programs.draft, None, given, seen=0, actor=by, now=now)
    program_id, last = made.program_id, levels.last_period(levels.Period.MONTH, now)
    this = bonus.rules.span_at(bonus.rules.Period.MONTH, now)
    version = run_unit(
        bonus.programs.publish,
        program_id,
        effective_from=this.start,
        seen=1,
        actor=ADMIN,
        now=now,
    )
    run_unit(bonus.programs.draft, program_id, given, seen=0, actor=by, now=now)
    with transaction():
        run = BonusRun(
            program_id=program_id,
            version_id=version.id,
            label=last.label,
            starts_at=last.start,
            ends_at=last.end,
            computed_at=now,
        )
        db.session.add(run)
        db.session.flush()
        result = BonusResult(
            run_id=run.id,
            member_id=earner.id,
            value=12_345_67,
            tier=1,
            amount_fen=370_37,
            state=ResultState.COMPUTED,
        )
        db.session.add(result)
    return result


def a_proposal() -> settings.SettingProposal:
    """A change of a setting that waits for a second person."""
    now = clock.now()
    return run_unit(settings.propose, "withdraw.max_fen", 500_00, actor=SYSTEM, now=now)


def a_write_off(debtor: Member) -> DebtWriteOff:
    """A request that was refused: the debt was paid meanwhile."""
    row = DebtWriteOff(
        member_id=debtor.id,
        amount_fen=5_00,
        state=WriteOffState.REFUSED,
        reason="联系不上",
        asked_by=SYSTEM.ref,
        asked_at=clock.now(),
        decided_at=clock.now(),
    )
    with transaction():
        db.session.add(row)
    return row


def a_remittance() -> TaxRemittance:
    """A payment of withheld tax that was refused: its receipt was another month's."""
    now = clock.now()
    with transaction():
        row = TaxRemittance(
            month="2026-11",
            amount_fen=5_00,
            paid_on=now.date(),
            serial="TAX-2026-11",
            voucher_id=vouchers.keep(b"%PDF-", vouchers.PDF, actor=SYSTEM, now=now).id,
            state=RemittanceState.REFUSED,
            asked_by=SYSTEM.ref,
            asked_at=now,
            answer="凭证是上个月的",
            decided_at=now,
        )
        db.session.add(row)
    return row


def a_flag(owner: Member, buyer: Member) -> RiskFlag:
    """A second account: both logged in with one browser, and one bought from the other."""
    for member in (owner, buyer):
        run_unit(risk.note_device, member.id, "the same", now=clock.now())
    run_unit(watch_binding, buyer.id, clock.now())
    return _one(sa.select(RiskFlag))


def asked_refund(order: Order, fen: int | None = None) -> AfterSale:
    """A refund that its buyer asked for: of everything, or of so much."""
    row = run_unit(
        aftersales.apply,
        order.member_id,
        order.id,
        kind=AfterSaleKind.REFUND,
        wanted=[Wanted(order.lines[0].id, order.lines[0].quantity, fen)],
        reason="不想要了",
        now=clock.now(),
    )
    outbox.drain(clock.now())
    return row


def pickup_shop(name: str = "西湖店", *, is_open: bool = True) -> PickupShop:
    given = orders.pickups.ShopInput(
        name, "浙江省 杭州市 西湖区", "文三路 1 号", "每天 9:00–21:00", "0571-87654321", is_open
    )
    return run_unit(orders.pickups.save_shop, None, given, actor=SYSTEM, now=clock.now())


def invoice_of(order: Order) -> InvoiceRequest:
    given = orders.invoices.InvoiceInput("personal", "王芳", "", "wang@example.com")
    return run_unit(orders.invoices.request, order.id, given, actor=SYSTEM, now=clock.now())


def trace_of(order: Order) -> OrderTrace:
    """A row of where the parcel was, as if it were on its way."""
    with transaction():
        row = OrderTrace(order_id=order.id, at=clock.now(), text="已揽收", entered_by=SYSTEM.ref)
        db.session.add(row)
    return row


def home_block(title: str = "公告") -> HomeBlock:
    """A block of the home page's draft."""
    given = BlockInput(Notice((Line("满 99 元包邮"),)), title)
    return run_unit(content.save, None, given, places=NOWHERE, actor=SYSTEM, now=clock.now())


def a_review(stars: int = 4) -> Review:
    """A review that waits for a person, with an addition that does as well."""
    order = received_order(make_member("孙丽", now=clock.now()), make_sku(), now=clock.now())
    made = run_unit(
        reviews.write,
        order.member_id,
        order.lines[0].id,
        ReviewInput(stars, "茶香很足"),
        now=clock.now(),
    )
    run_unit(
        reviews.follow_up, order.member_id, made.id, text="又买了", pictures=[], now=clock.now()
    )
    return made


def a_poster(name: str = "我们的海报", starter: str = "classic", **given: Any) -> PosterTemplate:
    """A template of the shop's own, as it would be after changing nothing but its name."""
    made = posters.TemplateInput(name, posters.STARTERS[starter][1], **given)
    return run_unit(posters.save, None, made, actor=SYSTEM, now=clock.now())


def a_payout() -> tuple[PayoutBatch, PayoutLine]:
    """A batch with one line that was paid and one that waits."""
    open_channel(withdrawals.Channel.BANK, actor=SYSTEM)
    for _ in range(2):
        to_pay(200_00, now=clock.now(), actor=SYSTEM)
    batch, lines = batch_of(actor=SYSTEM)
    run_unit(
        withdrawals.byhand.mark_paid,
        batch.id,
        [lines[0].id],
        serial="ICBC20261121",
        voucher_id=a_voucher(),
        actor=SYSTEM,
        actor_member_id=None,
        now=clock.now(),
    )
    return batch, lines[0]


def a_material(text: str = "春茶上新，喝一口就知道", **given: Any) -> Material:
    made = MaterialInput(text, **given)
    return run_unit(sharing.save_material, None, made, actor=SYSTEM, now=clock.now())


def an_article(title: str = "怎样分享", **given: Any) -> Article:
    made = ArticleInput(title, **{"body": "<p>打开商品，点分享赚。</p>", **given})
    return run_unit(sharing.save_article, None, made, actor=SYSTEM, now=clock.now())


def ask_for(member: Member, fen: int, *, key: str = "") -> Withdrawal:
    with transaction():
        return withdrawals.request(
            member.id, amount_fen=fen, request_key=key or f"k{fen}", now=clock.now()
        )


def earner(desk: Desk) -> Member:
    return _one(sa.select(Member).filter_by(id=desk.withdrawal.member_id))


def paid_late(buyer: Member, sku: Any) -> Oddity:
    """Money for an order that was closed meanwhile."""
    now = clock.now()
    late = place_order(buyer, sku, now=now)
    notice = notice_for(late, now=now)
    run_unit(orders.begin_close, late.id, actor=SYSTEM, now=now)
    run_unit(orders.finish_close, late.id, now=now)
    take(notice, now=now)
    return _one(sa.select(Oddity).filter_by(order_id=late.id))


def reply_rule(*keywords: str, kind: str = "exact", **given: Any) -> ReplyRule:
    """A rule of the automatic replies; a text, unless `given` says otherwise."""
    typed = {"reply_type": "text", "content": "满 99 元包邮", **given}
    with transaction():
        return replies.create(
            RuleInput(kind, keywords=keywords or ("运费",), **typed), actor=SYSTEM, now=clock.now()
        )


def a_channel(name: str = "西湖店收银台", **given: Any) -> Channel:
    """A channel with its code, as WeChat would have made it."""
    typed = {"kind": "shop", **given}
    with transaction():
        made = channels.create(ChannelInput(name, **typed), actor=SYSTEM, now=clock.now())
        channels.keep_scene(
            made.id,
            ticket="gQtest==",
            url="http://weixin.qq.com/q/02test",
            lasts=None if made.is_permanent else timedelta(days=30),
            now=clock.now(),
        )
    return made


def a_colleague(username: str = "colleague", role: Role = Role.SUPPORT) -> Admin:
    """An account whose set-up link was not used yet."""
    run_unit(accounts.create, username, role=role, now=clock.now())
    return _one(sa.select(Admin).filter_by(username=username))


def make_admin(username: str, role: Role = Role.OWNER) -> Admin:
    """An admin with a password, as `flask admin create` and the set-up page make one."""
    token = run_unit(accounts.create, username, role=role, now=clock.now())
    run_unit(
        accounts.set_up,
        token,
        password=PASSWORD,
        again=PASSWORD,
        address="127.0.0.1",
        now=clock.now(),
    )
    return _one(sa.select(Admin).filter_by(username=username))


def sign_in(client: FlaskClient, username: str, password: str = PASSWORD, **extra: str) -> Any:
    return client.post("/admin/login", data={"username": username, "password": password, **extra})


def with_factor(username: str, role: Role = Role.OWNER) -> Admin:
    """An admin whose second factor is on; `totp` gives its codes."""
    admin = a_colleague(username, role)
    with transaction():
        row = db.session.get_one(Admin, admin.id)
        row.totp_secret, row.totp_since = pyotp.random_base32(), clock.now()
    return admin


def totp(admin: Admin, steps: int = 0) -> str:
    """The code of now, or of so many half minutes later."""
    at = int(clock.now().timestamp()) + steps * second_factor.STEP_SECONDS
    return pyotp.TOTP(fresh(admin).totp_secret).at(at)


def browser_of(app: Flask, admin: Admin, *, proved: timedelta | None = None) -> FlaskClient:
    """A browser in which this admin is logged in; a code was given `proved` ago."""
    now = clock.now()
    with transaction():
        row = db.session.get_one(Admin, admin.id)
        token = sessions.begin(row, address="127.0.0.1", device="Mac 电脑", now=now)
        if proved is not None:
            db.session.flush()
            found = sessions.find(token, now=now)
            sessions.prove(found[0].id, now=now - proved)
    client = app.test_client()
    client.environ_base["HTTP_ORIGIN"] = web.settings().public_base_url
    client.set_cookie(COOKIE, token, path="/admin")
    return client


def fresh(row: Any) -> Any:
    """The row as the database has it now."""
    db.session.refresh(row)
    return row


def acts(action: str) -> list[AuditEntry]:
    return list(
        db.session.scalars(sa.select(AuditEntry).filter_by(action=action).order_by(AuditEntry.id))
    )


def _one(query: Any) -> Any:
    return db.session.execute(query).scalar_one()
