"""The `flask --app wsgi` commands. Parse, one service call, print."""

import json
import os
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from flask import Flask
from flask.cli import AppGroup
from flask_migrate import upgrade

import config as configuration
from app import audit, backup, catalog, commission, ledger, outbox, tax
from app import demo as demo_data
from app.admin import accounts, second_factor
from app.admin.models import Role
from app.audit import Actor, chain
from app.audit.runs import JobRun, RunStatus
from app.backup import anonymise
from app.commission.bonus.rules import quote_bonus
from app.commission.documents import quote_scenario
from app.core import clock, rotation, web
from app.core.db import db, run_unit
from app.core.errors import DomainError, InvalidInput
from app.demo_notices import use_templates
from app.jobs import runner, scheduler
from app.pay_commands import pay_group
from app.reports import figures
from app.wechat import doctor, menus, verify_file
from app.wechat.doctor import Outcome


def register(app: Flask) -> None:
    for group in (
        admin_group,
        backup_group,
        audit_group,
        catalog_group,
        commissions,
        demo,
        jobs,
        keys_group,
        ledger_group,
        outbox_group,
        pay_group,
        scheduler_group,
        tax_group,
        reports_group,
        team_group,
        wechat_group,
    ):
        app.cli.add_command(group)


# --- ledger ------------------------------------------------------------------------

ledger_group = AppGroup("ledger", help="The books.")


@ledger_group.command("verify")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(as_json: bool) -> None:
    """Check every invariant; exit 1 if one is broken."""
    results = ledger.verify()
    in_flight, since = outbox.backlog()
    age = int((clock.now() - since).total_seconds()) if since else 0
    if as_json:
        print(
            json.dumps(
                {
                    "ok": not any(r.offending for r in results),
                    "invariants": {r.code: r.offending for r in results},
                    "in_flight": in_flight,
                    "oldest_seconds": age,
                }
            )
        )
    else:
        for result in results:
            mark = "ok  " if not result.offending else "FAIL"
            print(f"{mark} {result.code:3} {result.offending:6}  {result.meaning}")
            for row in result.sample:
                print(f"              {row}")
        print(f"in flight: {in_flight} rows, the oldest for {age} s")
    if any(r.offending for r in results):
        sys.exit(1)


# --- commissions -------------------------------------------------------------------

commissions = AppGroup("commissions", help="The commission engine.")


@commissions.command("quote")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def quote(file: Path) -> None:
    """Compute one scenario, or a list of them, and print the result as JSON."""
    document = _read_json(file)
    try:
        if isinstance(document, list):
            result: Any = [quote_scenario(item) for item in document]
        else:
            result = quote_scenario(document)
    except DomainError as error:
        raise click.ClickException(f"{error.field}: {error.message}") from None
    print(json.dumps(result, ensure_ascii=False))


@commissions.command("bonus")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def bonus(file: Path) -> None:
    """Compute `{"program", "value"}`, or a list of them, and print the result as JSON."""
    document = _read_json(file)
    try:
        if isinstance(document, list):
            result: Any = [quote_bonus(item) for item in document]
        else:
            result = quote_bonus(document)
    except DomainError as error:
        raise click.ClickException(f"{error.field}: {error.message}") from None
    print(json.dumps(result, ensure_ascii=False))


@commissions.command("settle")
@click.option("--as-of", "as_of", default="", help="Settle as if it were this time.")
@click.option("--dry-run", is_flag=True, help="Only say what would be settled.")
def settle(as_of: str, dry_run: bool) -> None:
    """Settle what has matured. The same as `jobs run settle`."""
    _run_job("settle", as_of, dry_run)


# --- tax ---------------------------------------------------------------------------

tax_group = AppGroup("tax", help="Income tax of commissions.")


@tax_group.command("quote")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def quote_tax(file: Path) -> None:
    """Compute what is withheld of one person's payments, or of a list of persons."""
    document = _read_json(file)
    try:
        if isinstance(document, list):
            result: Any = [tax.quote_document(item) for item in document]
        else:
            result = tax.quote_document(document)
    except DomainError as error:
        raise _said(error) from None
    print(json.dumps(result, ensure_ascii=False))


# --- jobs --------------------------------------------------------------------------

jobs = AppGroup("jobs", help="Jobs by hand.")


@jobs.command("run")
@click.argument("name")
@click.option("--as-of", "as_of", default="", help="Run as if it were this time (ISO 8601).")
@click.option("--dry-run", is_flag=True, help="Count only; change nothing.")
def run_job(name: str, as_of: str, dry_run: bool) -> None:
    """Run a job now; exit 1 if it failed."""
    _run_job(name, as_of, dry_run)


outbox_group = AppGroup("outbox", help="News that could not be delivered.")


@outbox_group.command("failed")
def failed_news() -> None:
    """List what was given up, with the last error."""
    for row in outbox.failed():
        print(f"{row.id}  {row.topic} {row.subject_id} > {row.subscriber}  {row.last_error}")


@outbox_group.command("retry")
@click.argument("row_id", type=int)
def retry_news(row_id: int) -> None:
    """Try a row again that was given up; orders wait for theirs."""
    if not run_unit(outbox.retry_failed, row_id, now=clock.now()):
        raise click.ClickException(f"row {row_id} was not given up")
    print("it will be delivered within seconds")


scheduler_group = AppGroup("scheduler", help="The scheduler process.")


@scheduler_group.command("run")
def run_scheduler() -> None:
    """Run every job in its time, until TERM."""
    scheduler.run(web.this_app())


# --- the catalogue -----------------------------------------------------------------

catalog_group = AppGroup("catalog", help="Products.")


@catalog_group.command("reindex")
def reindex() -> None:
    """Write the search words of every product anew; sales go on meanwhile."""
    total, after = 0, 0
    while True:
        done, after = run_unit(catalog.search.reindex, after=after)
        if not done:
            break
        total += done
    print(f"reindexed {total} products")


# --- teams -------------------------------------------------------------------------

team_group = AppGroup("team", help="What members brought their uplines.")


@team_group.command("rebuild")
def rebuild_team() -> None:
    """Compute every figure of the teams anew; sales go on meanwhile."""
    total, wrong = commission.team.rebuild()
    print(f"{total} figures, {wrong} of them were wrong")


# --- reports ------------------------------------------------------------------------

reports_group = AppGroup("reports", help="The shop in figures by day.")


@reports_group.command("rebuild")
@click.option("--from", "first", default="", help="The first day, such as 2026-11-01; all days.")
@click.option("--to", "last", default="", help="The last day; yesterday.")
def rebuild_figures(first: str, last: str) -> None:
    """Compute the figures of past days anew from the facts."""
    now = clock.now()
    try:
        begin = date.fromisoformat(first) if first else figures.first_day()
        end = date.fromisoformat(last) if last else figures.last_closed(now)
    except ValueError as error:
        raise click.ClickException("a day is written like 2026-11-01") from error
    if begin is None:
        print("nothing to compute: the shop has no member yet")
        return
    print(f"{sum(1 for _ in figures.rebuild_all(begin, end, now=now))} days")


# --- audit -------------------------------------------------------------------------

audit_group = AppGroup("audit", help="The log of who did what.")

_BREAKS = {
    "gap": "the seal before it is missing",
    "removed": "its entry was removed",
    "changed": "its entry, or a seal before it, was changed",
    "unsealed": "it was never sealed",
    "cut": "the chain does not contain the noted head",
}


@audit_group.command("verify")
@click.option("--head", "noted", default="", help="A head printed earlier: it must still be there.")
def verify_audit(noted: str) -> None:
    """Walk along the chain over the audit entries; exit 1 at the first break."""
    verdict = chain.verify(noted)
    if verdict.broken is None:
        print(f"ok, {verdict.seals} entries, head {verdict.head}")
        return
    at = verdict.broken
    print(f"FAIL at seal {at.seq}, entry {at.entry_id}: {_BREAKS[at.why]}")
    raise SystemExit(1)


# --- admins ------------------------------------------------------------------------

admin_group = AppGroup("admin", help="Admin accounts.")


@admin_group.command("create")
@click.argument("username")
@click.option("--name", default="", help="The name that others see.")
@click.option("--role", type=click.Choice([r.value for r in Role]), default=Role.OWNER.value)
@click.option(
    "--if-missing",
    is_flag=True,
    help="Do nothing when the account is set up; renew the link when it is not.",
)
def create_admin(username: str, name: str, role: str, if_missing: bool) -> None:
    """Make an account and print its one-time set-up link."""
    now = clock.now()
    known = accounts.by_username(username)
    if if_missing and known is not None:
        if known.password_hash:
            print(f"{username} is set up: {web.settings().public_base_url}/admin/login")
            return
        token = run_unit(accounts.renew_setup, known.id, now=now)
    else:
        try:
            token = run_unit(accounts.create, username, role=Role(role), name=name, now=now)
        except DomainError as error:
            raise click.ClickException(error.message) from None
    print(f"{web.settings().public_base_url}/admin/setup/{token}")


@admin_group.command("member")
@click.argument("username")
@click.argument("openid", default="")
def name_member(username: str, openid: str) -> None:
    """Say which member an admin is (by openid; none takes it back).

    Nobody approves a withdrawal or an after-sale of their own.
    """
    try:
        run_unit(accounts.name_member, username, openid, now=clock.now())
    except DomainError as error:
        raise click.ClickException(error.message) from None
    print(f"{username}: {openid or '-'}")


@admin_group.command("recover")
@click.argument("username")
@click.option("--reason", required=True, help="Kept in the log.")
def recover_admin(username: str, reason: str) -> None:
    """Let in somebody who lost password and phone: no lock, no second factor, a new link.

    For an owner whom no other owner can help.
    """
    try:
        token = run_unit(_recover, username, reason)
    except DomainError as error:
        raise click.ClickException(error.message) from None
    print(f"{web.settings().public_base_url}/admin/setup/{token}")


def _recover(username: str, reason: str) -> str:
    admin, now, actor = accounts.by_username(username), clock.now(), Actor.system("cli")
    if admin is None:
        raise InvalidInput("username", "账号不存在")
    accounts.unlock(admin.id, actor=actor, now=now)
    if admin.totp_since is not None:
        second_factor.turn_off(admin.id, actor=actor, now=now, reason=reason[:200])
    return accounts.renew_setup(admin.id, now=now, actor=actor)


# --- the official account ----------------------------------------------------------

wechat_group = AppGroup("wechat", help="The official account.")
menu = AppGroup("menu", help="Its menus.")
wechat_group.add_command(menu)

_MARKS = {
    Outcome.OK: "ok  ",
    Outcome.WARNING: "warn",
    Outcome.FAILED: "FAIL",
    Outcome.SKIPPED: "skip",
}


@wechat_group.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def examine(as_json: bool) -> None:
    """Check the connection with WeChat both ways; exit 1 if something failed."""
    verify_text = verify_file.current()
    db.session.rollback()
    findings = doctor.examine(web.settings(), verify_text=verify_text)
    is_well = not any(f.outcome is Outcome.FAILED for f in findings)
    if as_json:
        checks = [asdict(finding) for finding in findings]
        print(json.dumps({"ok": is_well, "checks": checks}, ensure_ascii=False))
    else:
        for finding in findings:
            print(f"{_MARKS[finding.outcome]} {finding.title}：{finding.seen}")
            if finding.advice:
                print(f"     → {finding.advice}")
    if not is_well:
        sys.exit(1)


_folder = click.option(
    "--dir",
    "folder",
    default=str(configuration.ROOT / "wechat_menus"),
    show_default="wechat_menus",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the menus are.",
)


@menu.command("push")
@_folder
def push_menu(folder: Path) -> None:
    """Check every menu of the folder, publish them, record a version."""
    try:
        documents = menus.read(folder, menus.rules())
        version = menus.publish(documents, actor=audit.Actor.system("cli"), now=clock.now())
    except DomainError as error:
        raise _said(error) from None
    print(f"menu pushed: version {version.id} ({', '.join(sorted(documents))})")


@menu.command("pull")
@_folder
def pull_menu(folder: Path) -> None:
    """Make the folder hold the menus that WeChat has now."""
    try:
        found = menus.at_wechat(menus.read_loosely(folder))
    except DomainError as error:
        raise _said(error) from None
    if not found:
        raise click.ClickException("微信上没有通过接口发布的菜单，目录未改动")
    written, removed = menus.write(folder, found)
    for name in written:
        print(f"written {name}")
    for name in removed:
        print(f"removed {name}: not at WeChat")


@menu.command("diff")
@_folder
def diff_menu(folder: Path) -> None:
    """Print what differs between the folder and WeChat; exit 1 if anything does."""
    try:
        here = menus.read(folder, menus.rules())
        lines = menus.differences(here, menus.at_wechat(here))
    except DomainError as error:
        raise _said(error) from None
    for line in lines:
        print(line)
    if lines:
        sys.exit(1)


# --- backups and keys --------------------------------------------------------------

backup_group = AppGroup("backup", help="Backups. BACKUP_PASSPHRASE replaces the data key.")
_backup_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@backup_group.command("create")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--keep-days", default=14, show_default=True, type=click.IntRange(1))
@click.option("--keep-months", default=6, show_default=True, type=click.IntRange(0))
def create_backup(folder: Path, keep_days: int, keep_months: int) -> None:
    """Write an encrypted backup, prove it, then delete those past their time."""
    try:
        made = backup.create(
            folder, media=_media(), now=clock.now(), passphrase=os.environ.get(_PASSPHRASE, "")
        )
    except backup.BackupError as error:
        raise click.ClickException(str(error)) from None
    removed = backup.prune(folder, days=keep_days, months=keep_months)
    print(f"{made.path}: {made.size} bytes, {made.pictures} pictures; {len(removed)} old removed")


@backup_group.command("verify")
@_backup_file
def verify_backup(file: Path) -> None:
    """Decrypt a backup and compare every hash; exit 1 if it is not whole."""
    try:
        manifest = backup.verify(file, passphrase=os.environ.get(_PASSPHRASE, ""))
    except backup.BackupError as error:
        raise click.ClickException(str(error)) from None
    print(f"whole: {manifest['engine']} of {manifest['at']}, schema {manifest['migration']}")


@backup_group.command("restore")
@_backup_file
def restore_backup(file: Path) -> None:
    """Fill an empty database and media folder; payouts are held afterwards."""
    scripts = ScriptDirectory(web.this_app().extensions["migrate"].directory)
    known = [script.revision for script in scripts.walk_revisions()]
    try:
        manifest = backup.restore(
            file,
            media=_media(),
            known_revisions=known,
            now=clock.now(),
            passphrase=os.environ.get(_PASSPHRASE, ""),
        )
    except backup.BackupError as error:
        raise click.ClickException(str(error)) from None
    upgrade()
    run_unit(backup.hold_payouts, manifest, clock.now())
    print(
        f"restored as of {manifest['at']}; payouts are locked, next: pay recover --since {manifest['at']}"
    )


@backup_group.command("anonymise")
@click.argument("url")
def anonymise_copy(url: str) -> None:
    """Copy the shop without persons into the empty database at URL, for support."""
    target = sa.create_engine(url)
    try:
        print(f"{anonymise.copy(target)} rows copied, nobody named")
    except anonymise.Undecided as error:
        raise click.ClickException(f"nobody decided about: {error}") from None
    except anonymise.NotEmpty:
        raise click.ClickException("the target is not empty") from None
    finally:
        target.dispose()


_PASSPHRASE = "BACKUP_PASSPHRASE"  # noqa: S105  (a name)


def _media() -> Path:
    return web.settings().data_dir / "media"


keys_group = AppGroup("keys", help="The data keys.")


@keys_group.command("rotate")
def rotate_keys() -> None:
    """Seal all personal data anew with the newest of DATA_KEYS; goes on after a stop."""
    total = 0
    for name, count in rotation.rotate():
        total += count
        print(f"{name}: {count}")
    left = rotation.remaining()
    print(f"sealed {total} values anew, {left} left of older keys")
    if left:
        sys.exit(1)


# --- demo --------------------------------------------------------------------------

demo = AppGroup("demo", help="Demo data for development.")


@demo.command("seed")
def seed() -> None:
    """Fill an empty shop with products, members and a plan; harmless to repeat."""
    if web.settings().is_production:
        raise click.ClickException("demo data has no place in production")
    print(demo_data.seed(clock.now(), web.settings().data_dir / "media"))


@demo.command("notices")
def demo_notices() -> None:
    """Use the sandbox's message templates; harmless to repeat."""
    if not web.settings().uses_sandbox:
        raise click.ClickException("these templates are the sandbox's")
    print(f"mapped {use_templates(clock.now())} kinds of notices")


# --- helpers -----------------------------------------------------------------------


def _said(error: DomainError) -> click.ClickException:
    return click.ClickException(f"{error.field}: {error.message}" if error.field else error.message)


def _run_job(name: str, as_of: str, dry_run: bool) -> None:
    try:
        moment = clock.parse(as_of) if as_of else None
    except ValueError:
        raise click.BadParameter(
            f"{as_of!r} is not an ISO 8601 time", param_hint="--as-of"
        ) from None
    try:
        run = runner.run_by_hand(name, as_of=moment, dry_run=dry_run, started_by="cli")
    except DomainError as error:
        raise click.ClickException(error.message) from None
    print(json.dumps(_run_summary(run), ensure_ascii=False))
    db.session.rollback()
    if run.status is RunStatus.FAILED:
        sys.exit(1)


def _run_summary(run: JobRun) -> dict[str, Any]:
    return {
        "job": run.job,
        "status": run.status.value,
        "dry_run": run.is_dry_run,
        "result": run.result,
        **({"error": run.error} if run.error else {}),
    }


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.ClickException(f"{file.name} is not JSON: {error}") from None
