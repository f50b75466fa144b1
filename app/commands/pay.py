"""The `flask --app wsgi pay` commands: what WeChat Pay says about our money."""

import json
import sys
from dataclasses import asdict
from datetime import date

import click
from flask.cli import AppGroup

from app import audit, reconciliation, wechat
from app.core import clock
from app.core.db import db
from app.core.errors import DomainError

pay_group = AppGroup("pay", help="What WeChat Pay says about our money.")


@pay_group.command("reconcile")
@click.option("--date", "day", required=True, help="The day in Shanghai, such as 2026-11-21.")
def reconcile(day: str) -> None:
    """Match the bills of a day with requests and books; exit 1 unless they agree."""
    gateway = wechat.current()
    try:
        row = reconciliation.reconcile(
            _day(day, "--date"), source=gateway.bills, mchid=gateway.pay.mchid, now=clock.now()
        )
    except DomainError as error:
        raise click.ClickException(error.message) from None
    files = reconciliation.files_of([row.day])[row.day]
    print(
        json.dumps(
            {
                "day": row.day.isoformat(),
                "state": row.state.value,
                "sums": row.sums,
                "breaks": row.break_count,
                "in_flight": row.in_flight,
                "files": {
                    file.kind.value: {
                        "state": file.state.value,
                        "rows": file.row_count,
                        **({"reason": file.reason} if file.reason else {}),
                    }
                    for file in files
                },
            },
            ensure_ascii=False,
        )
    )
    db.session.rollback()
    if row.state is not reconciliation.DayState.AGREES:
        sys.exit(1)


@pay_group.command("recover")
@click.option("--since", required=True, help="When the backup was made, as an ISO 8601 time.")
def recover(since: str) -> None:
    """After a restored backup: lock payouts and import what WeChat says since.

    Exit 1 until every day since is reconciled and agrees; then two people may unlock.
    """
    try:
        moment = clock.parse(since)
    except ValueError:
        raise click.BadParameter(
            f"{since!r} is not an ISO 8601 time", param_hint="--since"
        ) from None
    now = clock.now()
    if moment > now:
        raise click.BadParameter("is in the future", param_hint="--since")
    gateway = wechat.current()
    try:
        found = reconciliation.recover(
            moment,
            source=gateway.bills,
            payments=gateway.pay,
            refunds=gateway.refunds,
            transfers=gateway.transfers,
            actor=audit.Actor.system("cli"),
            now=now,
        )
    except DomainError as error:
        raise click.ClickException(error.message) from None
    print(json.dumps({**asdict(found), "is_clean": found.is_clean}, ensure_ascii=False))
    if not found.is_clean:
        sys.exit(1)


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a date", param_hint=option) from None
