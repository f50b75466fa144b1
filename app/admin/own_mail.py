"""One's own mail address (邮箱): kept once a letter to it was answered by its link."""

from email.message import EmailMessage

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeTimedSerializer

from app import settings
from app.admin import accounts, auth
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.core import clock, mail, web
from app.core.db import db, run_unit
from app.core.errors import TooMany
from app.core.mail import MailFailed

LINK_SECONDS = 24 * 3600
# Letters that one admin may ask for in an hour: they go to addresses of others' choice.
LETTERS_MAX = 5


@bp.get("/account/mail")
@requires(Permission.OWN_ACCOUNT)
def own_mail() -> ResponseReturnValue:
    return _page()


@bp.post("/account/mail")
@requires(Permission.OWN_ACCOUNT)
def own_mail_ask() -> ResponseReturnValue:
    """Send a letter with a link there; nothing is kept until it is opened."""
    address = web.form_text("email", mail.ADDRESS_CHARS_MAX + 1).lower()
    if not mail.is_address(address):
        return _page(address, "邮箱格式不正确"), 422
    admin = auth.current_admin()
    admin_id = admin.id
    link = url_for(".own_mail_confirm", token=_tokens().dumps([admin_id, address]))
    letter = EmailMessage()
    shop = settings.value(settings.registry.SHOP_NAME)
    letter["Subject"] = f"{shop} 后台邮箱确认"
    letter["From"], letter["To"] = web.settings().smtp.sender, address
    letter.set_content(
        f"{admin.name}，你好：\n\n请用登录着后台的浏览器打开这个链接，确认用这个邮箱接收报表：\n"
        f"{web.settings().public_base_url}{link}\n\n24 小时内有效。不是你本人操作的，不用理会。\n"
    )
    db.session.rollback()
    if web.cache().count(f"admin-mail:{admin_id}", 3600) > LETTERS_MAX:
        raise TooMany("确认邮件发得太频繁，请一小时后再试")
    try:
        mail.send(web.settings().smtp, letter)
    except MailFailed as failed:
        return _page(address, failed.message), 502
    flash(f"确认邮件已发到 {address}，打开里面的链接后生效")
    return redirect(url_for(".own_account"), 303)


@bp.get("/account/mail/confirm/<token>")
@requires(Permission.OWN_ACCOUNT)
def own_mail_confirm(token: str) -> ResponseReturnValue:
    """Ask once more: programs that look into letters open links, people press buttons."""
    address = _address_in(token)
    if address is None:
        return _page("", "链接已失效，或不是发给当前账号的，请重新登记"), 410
    return render_template("admin/own_mail_confirm.html", address=address, token=token)


@bp.post("/account/mail/confirm/<token>")
@requires(Permission.OWN_ACCOUNT)
def own_mail_keep(token: str) -> ResponseReturnValue:
    address = _address_in(token)
    if address is None:
        return _page("", "链接已失效，或不是发给当前账号的，请重新登记"), 410
    run_unit(
        accounts.set_email, auth.current_admin().id, address, actor=auth.actor(), now=clock.now()
    )
    flash("邮箱已登记，可以用来接收定期报表")
    return redirect(url_for(".own_account"), 303)


@bp.post("/account/mail/forget")
@requires(Permission.OWN_ACCOUNT)
def own_mail_forget() -> ResponseReturnValue:
    run_unit(accounts.set_email, auth.current_admin().id, None, actor=auth.actor(), now=clock.now())
    flash("邮箱已删除，定期报表不再发邮件给你")
    return redirect(url_for(".own_account"), 303)


def _tokens() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(web.settings().secret_key, salt="admin-mail")


def _address_in(token: str) -> str | None:
    """The address of a link that is for the admin at the desk; None for any other."""
    try:
        admin_id, address = _tokens().loads(token, max_age=LINK_SECONDS)
    except (BadData, ValueError, TypeError):
        return None
    return str(address) if admin_id == auth.current_admin().id else None


def _page(typed: str = "", error: str = "") -> str:
    return render_template(
        "admin/own_mail.html",
        admin=auth.current_admin(),
        typed=typed or request.args.get("email", ""),
        error=error,
        has_mail=web.settings().smtp.is_configured,
    )
