"""The jobs. Each takes the time and whether it is a dry run; returns counts and sums."""

from app.audit import runs
from app.jobs.tasks import money, news, sales, team, upkeep
from app.jobs.tasks.base import Job, RowsFailed

__all__ = ["JOBS", "Job", "RowsFailed"]

JOBS = {
    name: Job(name, runs.KINDS[name].seconds, task)
    for name, task in {
        "outbox": news.deliver,
        "send-messages": news.send_messages,
        "send-hooks": news.send_hooks,
        "query-payments": sales.query_payments,
        "expire-orders": sales.expire_orders,
        "receive-orders": sales.receive_orders,
        "settle": sales.settle,
        "send-refunds": sales.send_refunds,
        "expire-returns": sales.expire_returns,
        "pay-withdrawals": money.pay_withdrawals,
        "query-transfers": money.query_transfers,
        "query-grants": money.query_grants,
        "renew-scenes": team.renew_scenes,
        "sync-followers": team.sync_followers,
        "sync-tags": team.sync_tags,
        "remind-confirmations": news.remind_confirmations,
        "weekly-digest": news.weekly_digest,
        "review-levels": team.review_levels,
        "bonus": team.bonus,
        "rank": team.rank,
        "verify-books": money.verify_books,
        "reconcile": money.reconcile,
        "seal-audit": upkeep.seal_audit,
        "verify-audit": upkeep.verify_audit,
        "figures": upkeep.daily_figures,
        "forecast": upkeep.forecast,
        "make-exports": upkeep.make_exports,
        "send-reports": upkeep.send_reports,
        "tidy": upkeep.tidy,
    }.items()
}
