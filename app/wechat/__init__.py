"""WeChat: the only place that knows wechatpy and wechatpayv3.

`account` calls the official account's API (tokens, QR scenes, JS-SDK, OAuth),
`messages` reads what WeChat pushes and writes replies, `pay` speaks WeChat Pay
v3 (prepay, query, close, notices), `transfers` its merchant transfers and `bills` what
it did in a day; `avatars`
fetches people's pictures. They implement the ports of `orders`, `withdrawals` and `reconciliation`; `notifier` sends the `notices`.
All addresses come from the configuration, so the same code speaks to WeChat and to
the sandbox. `replies` keeps the rules by which the account answers; `scenes` has
channels' codes made. `transport` bounds every call, `silence` spares pages a wait
for one who does not answer, `doctor` checks whether WeChat and this server reach
each other.

`current()` gives the adapters of the running app.
"""

from dataclasses import dataclass
from datetime import datetime

from flask import Flask, current_app

from app import notices
from app.core.cache import Cache
from app.wechat.account import Account, OAuthFailed, OAuthUser, WeChatUnavailable
from app.wechat.avatars import Avatars
from app.wechat.bills import Bills
from app.wechat.messages import Endpoint, MessageRefused, Push
from app.wechat.notifier import Notifier
from app.wechat.pay import NoticeRefused, Pay, from_config
from app.wechat.refunds import Refunds
from app.wechat.replies import KeptBook
from app.wechat.transfers import Transfers
from config import Config

__all__ = [
    "Account",
    "Avatars",
    "MessageRefused",
    "NoticeRefused",
    "OAuthFailed",
    "OAuthUser",
    "Push",
    "WeChat",
    "WeChatUnavailable",
    "current",
    "init_app",
]


@dataclass(frozen=True)
class WeChat:
    """Every adapter, made once for a process and safe to share by its threads."""

    account: Account
    avatars: Avatars
    bills: Bills
    endpoint: Endpoint
    notifier: Notifier
    pay: Pay
    replies: KeptBook
    refunds: Refunds
    transfers: Transfers


def init_app(app: Flask) -> None:
    """Build the adapters at first use: commands that need no keys ask for none."""
    app.extensions["wechat"] = None
    notices.subscribe(_send_notice)


def _send_notice(notice_id: int, now: datetime) -> None:
    notices.send(notice_id, sender=current().notifier, now=now)


def current() -> WeChat:
    """The adapters of the running app."""
    found: WeChat | None = current_app.extensions["wechat"]
    if found is None:
        found = _build(current_app.extensions["mall_config"], current_app.extensions["cache"])
        current_app.extensions["wechat"] = found
    return found


def _build(config: Config, cache: Cache) -> WeChat:
    pay = from_config(config)
    account = Account(
        appid=config.wechat_app_id,
        secret=config.wechat_app_secret,
        api_base=config.wechat_api_base,
        open_base=config.wechat_open_base,
        mp_base=config.wechat_mp_base,
        public_base=config.public_base_url,
        cache=cache,
    )
    return WeChat(
        account=account,
        avatars=Avatars(also=config.wechat_mp_base if config.uses_sandbox else ""),
        bills=Bills(pay),
        notifier=Notifier(account, public_base=config.public_base_url),
        endpoint=Endpoint(
            appid=config.wechat_app_id,
            original_id=config.wechat_original_id,
            token=config.wechat_token,
            aes_key=config.wechat_aes_key,
        ),
        pay=pay,
        replies=KeptBook(),
        refunds=Refunds(pay),
        transfers=Transfers(pay),
    )
