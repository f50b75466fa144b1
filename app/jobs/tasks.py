"""The jobs. Each takes the time and whether it is a dry run; returns counts and sums."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

import structlog

from app import (
    aftersales,
    audit,
    catalog,
    commission,
    distribution,
    integrations,
    interests,
    ledger,
    members,
    notices,
    orders,
    outbox,
    reconciliation,
    risk,
    settings,
    uploads,
    wechat,
    withdrawals,
)
from app.audit import chain, runs
from app.core import clock, web
from app.core.db import db, run_unit
from app.distribution import channels, levels, posters
from app.distribution import scenes as product_scenes
from app.integrations import hooks
from app.jobs.hook_sender import HttpSender
from app.reports import exports, figures, forecasting, subscriptions
from app.reports.boards import Span
from app.wechat import scenes, tags
from app.withdrawals import forgetting as withdrawals_forgetting

log = structlog.get_logger()

Row = TypeVar("Row")
Result = dict[str, Any]
Task = Callable[[datetime, bool], Result]


DRAINS_MAX = 200
# When people are at their phones, not in the night.
DIGEST_HOUR = 10


@dataclass(frozen=True)
class Job:
    """A job and how often it runs, as `app.audit.runs` says."""

    name: str
    seconds: int
    task: Task


class RowsFailed(Exception):
    """Some rows of a run failed; the others are done. `result` has the counts."""

    def __init__(self, result: Result) -> None:
        super().__init__(f"{result['failed']} rows failed")
        self.result = result


def deliver(now: datetime, dry_run: bool) -> Result:
    """Deliver what changes the database (投递发件箱)."""
    return _drain(now, dry_run, calls=False)


def send_messages(now: datetime, dry_run: bool) -> Result:
    """Deliver what speaks to the network, on its own: it may be slow (发送通知)."""
    return _drain(now, dry_run, calls=True)


def _drain(now: datetime, dry_run: bool, *, calls: bool) -> Result:
    waiting = outbox.waiting(calls=calls)
    db.session.rollback()
    if dry_run:
        return {"waiting": waiting}
    delivered = 0
    # What fails is due later, so this ends; the bound is for rows that another
    # worker holds all the while.
    for _ in range(DRAINS_MAX):
        if not outbox.is_due(now, calls=calls):
            break
        delivered += outbox.drain(now, calls=calls)
    return {"delivered": delivered}


def send_hooks(now: datetime, dry_run: bool) -> Result:
    """Tell the shop's other systems what happened (推送事件).

    What they do not take is tried again later: that is no failure of this run.
    """
    sender = HttpSender(also=web.settings().hook_test_origin)
    return _each(
        hooks.sending.due(now), lambda row: hooks.sending.send(row, sender=sender, now=now), dry_run
    )


def remind_confirmations(now: datetime, dry_run: bool) -> Result:
    """Remind of transfers that end unconfirmed before long (提醒确认收款)."""
    return {} if dry_run else {"reminded": notices.remind_confirmations(now)}


def weekly_digest(now: datetime, dry_run: bool) -> Result:
    """Tell further uplines what last week brought, from Monday 10:00 on (团队佣金周报)."""
    local = clock.local(now)
    if dry_run or (local.weekday() == 0 and local.hour < DIGEST_HOUR):
        return {}
    return {"told": notices.write_digests(now)}


def review_levels(now: datetime, dry_run: bool) -> Result:
    """Lower who missed the keep rule of the period that ended last (保级考核)."""
    total: Counter[str] = Counter()
    last = 0
    while ids := levels.due_for_review(now, after_id=last):
        last = ids[-1]
        try:
            total.update(
                _each(ids, lambda row: run_unit(commission.standing.review, row, now=now), dry_run)
            )
        except RowsFailed as failed:
            total.update(failed.result)
    db.session.rollback()
    result = {"due": 0, **total}
    if total["failed"]:
        raise RowsFailed(result)
    return result


def query_payments(now: datetime, dry_run: bool) -> Result:
    """Ask WeChat about payments that no notice came for (补查支付)."""
    return _each(
        orders.payments_to_query(now),
        lambda row: orders.ask(row, gateway=wechat.current().pay, now=now),
        dry_run,
    )


def expire_orders(now: datetime, dry_run: bool) -> Result:
    """Close unpaid orders past their time (关闭超时订单)."""
    actor = audit.Actor.system("expire")
    return _each(
        orders.due_to_expire(now),
        lambda row: orders.close(row, actor=actor, gateway=wechat.current().pay, now=now),
        dry_run,
    )


def receive_orders(now: datetime, dry_run: bool) -> Result:
    """Confirm receipt for people who never do (自动确认收货)."""
    days = settings.value(settings.registry.ORDER_RECEIVE_DAYS)
    actor = audit.Actor.system("receive")

    def receive(order_id: int) -> str:
        run_unit(orders.receive, order_id, actor=actor, now=now)
        return "received"

    return _each(orders.due_to_receive(now, days), receive, dry_run)


def settle(now: datetime, dry_run: bool) -> Result:
    """End orders whose guard is over, then settle what matured (佣金结算)."""
    if dry_run:
        due = commission.count_due(now)
        ending = len(orders.due_to_finish(now))
        db.session.rollback()
        return {"orders": ending, **asdict(due)}
    # News first: an order with undelivered news does not finish.
    deliver(now, False)
    finished, failed, last = 0, 0, 0
    while ids := orders.due_to_finish(now, after_id=last):
        db.session.rollback()
        for order_id in ids:
            try:
                finished += run_unit(orders.finish, order_id, now=now)
            except Exception:  # What is wrong with one order is not others' trouble.
                log.exception("order_not_finished", order=order_id)
                failed += 1
        last = ids[-1]
    db.session.rollback()
    deliver(now, False)
    total = settle_all(now)
    file_all()
    result = {"orders": finished, **asdict(total)}
    if failed:
        raise RowsFailed({**result, "failed": failed})
    return result


def settle_all(now: datetime) -> commission.Settled:
    """Chunk after chunk until nothing is due; what another run took is left to it."""
    total, after = commission.Settled(), 0
    while True:
        part, last = run_unit(commission.settle_chunk, now, after=after)
        total += part
        if last is None:
            return total
        after = last


def file_all() -> int:
    """Bring the settlement's key up to date; how many commissions were filed."""
    total, after = 0, 0
    while True:
        filed, last = run_unit(commission.file_chunk, after=after)
        total += filed
        if last is None:
            return total
        after = last


def send_refunds(now: datetime, dry_run: bool) -> Result:
    """Send refunds, and ask about those under way (退款)."""
    gateway = wechat.current().refunds
    carry_on = _until_short(
        lambda row: aftersales.carry_on(row, gateway=gateway, now=now), aftersales.MerchantShort
    )
    return _each(aftersales.refunds_due(now), carry_on, dry_run)


def expire_returns(now: datetime, dry_run: bool) -> Result:
    """End agreed returns whose goods were never sent back (关闭超时退货)."""

    def expire(row_id: int) -> str:
        ended = run_unit(aftersales.give_up_waiting, row_id, now=now)
        return "ended" if ended else "sent"

    return _each(aftersales.returns_overdue(now), expire, dry_run)


def pay_withdrawals(now: datetime, dry_run: bool) -> Result:
    """Send the bills of approved withdrawals (提现打款)."""
    gateway = wechat.current().transfers
    if withdrawals.locks.current() is not None:
        return {"locked": len(withdrawals.due_to_pay())}
    pay = _until_short(
        lambda row: withdrawals.pay(row, gateway=gateway, now=now), withdrawals.MerchantShort
    )

    def unless_locked(row_id: int) -> str:
        try:
            return pay(row_id)
        except withdrawals.PayoutsLocked:
            # Since a moment ago.
            return "locked"

    return _each(withdrawals.due_to_pay(), unless_locked, dry_run)


def _until_short(act: Callable[[int], str], short: type[Exception]) -> Callable[[int], str]:
    """`act` until the merchant account is short of money; the rows after that wait.

    Nothing is lost: the row at hand is sent again later.
    """
    is_short = False

    def carefully(row_id: int) -> str:
        nonlocal is_short
        if is_short:
            return "paused"
        try:
            return act(row_id)
        except short:
            log.error("merchant_account_short")
            is_short = True
            return "merchant_short"

    return carefully


def query_transfers(now: datetime, dry_run: bool) -> Result:
    """Ask WeChat about bills that did not end (补查转账)."""
    gateway = wechat.current().transfers

    def ask(bill_id: int) -> str:
        try:
            return withdrawals.ask(bill_id, gateway=gateway, now=now)
        except withdrawals.MerchantShort:
            # Only sending a bill again wants money; the others are asked about for free.
            return "merchant_short"

    return _each(withdrawals.bills_to_query(now), ask, dry_run)


def query_grants(now: datetime, dry_run: bool) -> Result:
    """Ask WeChat about grants that wait for a word, and close what is to end (补查免确认授权)."""
    gateway = wechat.current().transfers.grants
    return _each(
        withdrawals.grants.to_query(now),
        lambda row: withdrawals.granting.ask(row, gateway=gateway, now=now),
        dry_run,
    )


def renew_scenes(now: datetime, dry_run: bool) -> Result:
    """Have WeChat make QR codes that are missing or end soon (续期推广码).

    Of distributors and of channels; one's trouble is not the other's.
    """
    account = wechat.current().account

    def renew(code_id: int) -> str:
        code = distribution.code_text(code_id)
        db.session.rollback()
        try:
            scene = account.temporary_scene(code)
        except wechat.WeChatUnavailable:
            return "unclear"
        run_unit(
            distribution.keep_scene,
            code_id,
            ticket=scene.ticket,
            url=scene.url,
            lasts=timedelta(seconds=scene.seconds),
            now=now,
        )
        return "renewed"

    def make(channel_id: int) -> str:
        try:
            scenes.make(account, channel_id, now=now)
        except wechat.WeChatUnavailable:
            return "unclear"
        return "renewed"

    due: list[tuple[Callable[[int], str], int]] = [
        *((renew, code_id) for code_id in distribution.codes_to_renew(now)),
        *((make, channel_id) for channel_id in channels.to_make(now)),
    ]
    return _each(due, lambda row: row[0](row[1]), dry_run)


def sync_tags(now: datetime, dry_run: bool) -> Result:
    """Let tags at WeChat follow who is a distributor, and on which level (同步标签)."""
    wanted = distribution.following_openids()
    by_level, ours = levels.following_openids(), levels.own_tags()
    db.session.rollback()
    if dry_run:
        return {"due": len(wanted)}
    result = tags.repair_all(
        wechat.current().account,
        {tags.DISTRIBUTOR_TAG: wanted, **by_level},
        emptied=ours - by_level.keys(),
    )
    if result.get("failed"):
        raise RowsFailed(result)
    return result


def sync_followers(now: datetime, dry_run: bool) -> Result:
    """Mark who follows the account, also those from before the mall was (同步关注)."""
    known = members.followers()
    db.session.rollback()
    if dry_run:
        return {"known": len(known)}
    came, left = run_unit(members.correct_followers, known, wechat.current().account.followers())
    return {"came": came, "left": left}


def rank(now: datetime, dry_run: bool) -> Result:
    """Compute the rankings of this week and month (计算排行榜)."""
    return {} if dry_run else dict(commission.team.rank(now))


def bonus(now: datetime, dry_run: bool) -> Result:
    """Compute bonuses of periods that are over, and take back what refunds changed (返利).

    A period is computed once; again as long as nobody decided about it.
    """
    due, blocked = commission.bonus.runs.due(now)
    parts: list[tuple[Sequence[Any], Callable[[Any], str]]] = [
        (
            due,
            lambda row: run_unit(commission.bonus.runs.compute, row.program_id, row.span, now=now),
        ),
        (
            commission.bonus.runs.untouched(),
            lambda row: run_unit(commission.bonus.runs.recompute, row, now=now),
        ),
        (
            commission.bonus.corrections.due(now),
            lambda row: run_unit(commission.bonus.corrections.correct, row, now=now),
        ),
    ]
    total: Counter[str] = Counter()
    for rows, act in parts:
        try:
            total.update(_each(rows, act, dry_run))
        except RowsFailed as failed:
            total.update(failed.result)
    # What is as it was is no work done.
    del total["same"], total["due"]
    result = {**({"due": len(due)} if dry_run else {}), "blocked": blocked, **total}
    if total["failed"]:
        raise RowsFailed(result)
    return result


def reconcile(now: datetime, dry_run: bool) -> Result:
    """Match the bills of the days that are due, missed ones as well (微信对账)."""
    days = reconciliation.due_days(now)

    def match(day: date) -> str:
        gateway = wechat.current()
        try:
            row = reconciliation.reconcile(
                day, source=gateway.bills, mchid=gateway.pay.mchid, now=now
            )
        except reconciliation.BillNotReady:
            return "not_ready"
        except reconciliation.Superseded:
            return "taken"
        return row.state.value

    result = _each(days, match, dry_run)
    # The run is marked failed, so that somebody looks.
    if wrong := result.get("breaks", 0) + result.get("refused", 0):
        raise RowsFailed({**result, "failed": wrong})
    return result


def verify_books(now: datetime, dry_run: bool) -> Result:
    """Check every invariant; payouts are locked where one is broken (账目校验)."""
    wrong = {r.code: r.offending for r in ledger.verify() if r.offending}
    db.session.rollback()
    if wrong:
        log.error("invariants_broken", **wrong)
        if not dry_run:
            run_unit(
                withdrawals.locks.lock,
                withdrawals.LockCause.INVARIANTS,
                f"账目校验没有通过：{'、'.join(sorted(wrong))}",
                actor=audit.Actor.system("verify-books"),
                now=now,
            )
        raise RowsFailed({"failed": sum(wrong.values()), **wrong})
    return {"broken": 0}


def seal_audit(now: datetime, dry_run: bool) -> Result:
    """Continue the chain over the audit entries (封存操作日志)."""
    if dry_run:
        return {}
    sealed = _seal(now)
    if sealed:
        log.info("audit_sealed", sealed=sealed, head=chain.head())
        db.session.rollback()
    return {"sealed": sealed}


def _seal(now: datetime, *, since: int | None = None) -> int:
    sealed = 0
    while count := run_unit(chain.seal_chunk, now, since=since):
        sealed += count
    return sealed


def verify_audit(now: datetime, dry_run: bool) -> Result:
    """Walk along the chain over the audit entries (核对操作日志)."""
    if not dry_run:
        # From the beginning: an entry may have come later than the other job looks back.
        _seal(now, since=0)
    verdict = chain.verify()
    db.session.rollback()
    if verdict.broken:
        log.error("audit_chain_broken", **asdict(verdict.broken))
        raise RowsFailed({"failed": 1, "first_broken": verdict.broken.entry_id})
    return {"broken": 0}


def tidy(now: datetime, dry_run: bool) -> Result:
    """Delete what nobody needs any more (清理过期数据).

    Records of runs that found nothing to do, old visits, pictures nothing shows,
    posters nobody looks at, QR codes that ended, files of products, identities that the
    law no longer wants, answers of the open API after a day, exported files past their
    time.
    """
    if dry_run:
        return {}
    return {
        "removed": run_unit(runs.tidy, now),
        "visits": run_unit(interests.tidy, now=now),
        "pictures": uploads.sweep(web.settings().data_dir / "media", now=now),
        "traces": run_unit(risk.tidy, now),
        "api_writes": run_unit(integrations.writes.tidy, now),
        "hooks": run_unit(hooks.sending.tidy, now),
        "reports": run_unit(subscriptions.sending.tidy, now),
        "scenes": run_unit(product_scenes.tidy, now),
        "imports": run_unit(catalog.product_import.tidy, now),
        "identities": run_unit(withdrawals_forgetting.tidy, now),
        "posters": posters.files.sweep(web.settings().data_dir, now=now),
        "exports": exports.expire(web.settings().data_dir / "exports", now),
    }


def daily_figures(now: datetime, dry_run: bool) -> Result:
    """Compute the figures of past days that are missing or were changed (计算每日数据)."""
    if dry_run:
        due = len(figures.stale(now))
        db.session.rollback()
        return {"due": due}
    return {name: n for name, n in asdict(figures.refresh(now)).items() if n}


def forecast(now: datetime, dry_run: bool) -> Result:
    """Forecast what SKUs that run low will sell, for the desk's restocking (预测规格销量)."""
    return _each(forecasting.due(now), lambda row: forecasting.keep(row, now), dry_run)


def make_exports(now: datetime, dry_run: bool) -> Result:
    """Write the files that admins wait for (生成导出文件)."""
    waiting = exports.due(now)
    db.session.rollback()
    if dry_run:
        return {"due": len(waiting)}
    folder = web.settings().data_dir / "exports"
    return dict(Counter(exports.make(export_id, folder) for export_id in waiting))


def send_reports(now: datetime, dry_run: bool) -> Result:
    """Send the reports whose turn has come, missed turns as well (发送定期报表).

    What a mail server does not take is tried again later: that is no failure of this run.
    """
    if dry_run:
        return _each(subscriptions.sending.due(now), lambda _row: "", dry_run)
    planned = subscriptions.sending.plan_due(now)
    db.session.rollback()
    config = web.settings()
    mailer = subscriptions.SmtpMailer(config.smtp)

    def link(report: str, span: Span) -> str:
        asked = urlencode(
            {"period": "own", "from": span.first, "to": span.last, "compare": span.compare.value}
        )
        return f"{config.public_base_url}/admin/reports/{report}?{asked}"

    sent = _each(
        subscriptions.sending.due(now),
        lambda row: subscriptions.sending.send(row, mailer=mailer, link=link, now=clock.now()),
        dry_run,
    )
    return {"planned": planned, **sent}


def _each(ids: Sequence[Row], act: Callable[[Row], str], dry_run: bool) -> Result:
    """Run `act` on every row on its own; one bad row does not stop the others."""
    db.session.rollback()
    if dry_run:
        return {"due": len(ids)}
    outcomes: Counter[str] = Counter()
    for row_id in ids:
        try:
            outcomes[act(row_id)] += 1
        except Exception:
            db.session.rollback()
            log.exception("job_row_failed", row=row_id)
            outcomes["failed"] += 1
    result = {"due": len(ids), **outcomes}
    if outcomes["failed"]:
        raise RowsFailed(result)
    return result


JOBS = {
    name: Job(name, runs.KINDS[name].seconds, task)
    for name, task in {
        "outbox": deliver,
        "send-messages": send_messages,
        "send-hooks": send_hooks,
        "query-payments": query_payments,
        "expire-orders": expire_orders,
        "receive-orders": receive_orders,
        "settle": settle,
        "send-refunds": send_refunds,
        "expire-returns": expire_returns,
        "pay-withdrawals": pay_withdrawals,
        "query-transfers": query_transfers,
        "query-grants": query_grants,
        "renew-scenes": renew_scenes,
        "sync-followers": sync_followers,
        "sync-tags": sync_tags,
        "remind-confirmations": remind_confirmations,
        "weekly-digest": weekly_digest,
        "review-levels": review_levels,
        "bonus": bonus,
        "rank": rank,
        "verify-books": verify_books,
        "reconcile": reconcile,
        "seal-audit": seal_audit,
        "verify-audit": verify_audit,
        "figures": daily_figures,
        "forecast": forecast,
        "make-exports": make_exports,
        "send-reports": send_reports,
        "tidy": tidy,
    }.items()
}
