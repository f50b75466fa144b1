"""The `flask --app wsgi` commands. Parse, one service call, print.

A module holds the groups of one subject; `register` lists them all.
"""

from flask import Flask

from app.commands import (
    account,
    admins,
    backups,
    books,
    demo,
    pay,
    processes,
    quotes,
    rebuilding,
)


def register(app: Flask) -> None:
    for group in (
        account.wechat_group,
        admins.admin_group,
        backups.backup_group,
        backups.keys_group,
        books.audit_group,
        books.ledger_group,
        demo.demo,
        pay.pay_group,
        processes.jobs,
        processes.outbox_group,
        processes.scheduler_group,
        quotes.commissions,
        quotes.tax_group,
        rebuilding.catalog_group,
        rebuilding.reports_group,
        rebuilding.team_group,
    ):
        app.cli.add_command(group)
