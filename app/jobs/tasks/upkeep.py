"""The audit's seals, tidying, figures, files and reports."""

from collections import Counter
from dataclasses import asdict
from datetime import datetime
from urllib.parse import urlencode

import structlog

from app import (
    catalog,
    integrations,
    interests,
    ledger,
    risk,
    uploads,
)
from app.audit import chain, runs
from app.core import clock, web
from app.core.db import db, run_unit
from app.distribution import posters
from app.distribution import scenes as product_scenes
from app.integrations import hooks
from app.jobs.tasks.base import Result, RowsFailed, each
from app.reports import exports, figures, forecasting, subscriptions
from app.reports.boards import Span
from app.withdrawals import forgetting as withdrawals_forgetting

log = structlog.get_logger()


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
    """Compute the figures of past days that are missing or were changed (计算每日数据).

    And keep the books' sums up to what was booked a while ago.
    """
    if dry_run:
        due = len(figures.stale(now))
        db.session.rollback()
        return {"due": due}
    kept = {"entries": run_unit(ledger.keep_sums, now)}
    return {name: n for name, n in (asdict(figures.refresh(now)) | kept).items() if n}


def forecast(now: datetime, dry_run: bool) -> Result:
    """Forecast what SKUs that run low will sell, for the desk's restocking (预测规格销量)."""
    return each(forecasting.due(now), lambda row: forecasting.keep(row, now), dry_run)


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
        return each(subscriptions.sending.due(now), lambda _row: "", dry_run)
    planned = subscriptions.sending.plan_due(now)
    db.session.rollback()
    config = web.settings()
    mailer = subscriptions.SmtpMailer(config.smtp)

    def link(report: str, span: Span) -> str:
        asked = urlencode(
            {"period": "own", "from": span.first, "to": span.last, "compare": span.compare.value}
        )
        return f"{config.public_base_url}/admin/reports/{report}?{asked}"

    sent = each(
        subscriptions.sending.due(now),
        lambda row: subscriptions.sending.send(row, mailer=mailer, link=link, now=clock.now()),
        dry_run,
    )
    return {"planned": planned, **sent}
