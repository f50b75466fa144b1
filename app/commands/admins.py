"""`admin`: accounts of the panel."""

import click
from flask.cli import AppGroup

from app.admin import accounts, second_factor
from app.admin.models import Role
from app.audit import Actor
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput

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
