"""`wechat`: the official account, its connection and its menus."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click
from flask.cli import AppGroup

import config as configuration
from app import audit
from app.commands.shared import said
from app.core import clock, web
from app.core.db import db
from app.core.errors import DomainError
from app.wechat import doctor, menus, verify_file
from app.wechat.doctor import Outcome

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
        raise said(error) from None
    print(f"menu pushed: version {version.id} ({', '.join(sorted(documents))})")


@menu.command("pull")
@_folder
def pull_menu(folder: Path) -> None:
    """Make the folder hold the menus that WeChat has now."""
    try:
        found = menus.at_wechat(menus.read_loosely(folder))
    except DomainError as error:
        raise said(error) from None
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
        raise said(error) from None
    for line in lines:
        print(line)
    if lines:
        sys.exit(1)
