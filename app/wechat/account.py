"""The official account's API: tokens, OAuth, QR scenes, JS-SDK. See wechat.md, 2 to 5.

wechatpy is used with its traps closed: every call has a deadline, a rejected token
is renewed once and not for ever, one process renews it for all, and an answer that
is none, or of another shape, is WeChatUnavailable and never kept.
"""

import functools
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import requests
import structlog
from wechatpy.exceptions import WeChatClientException, WeChatOAuthException

from app.core.cache import Cache
from app.wechat import transport
from app.wechat.client import Client, OAuth, TokenStore
from app.wechat.shapes import NotAnAnswer, an_object, text, whole
from app.wechat.silence import Silence

T = TypeVar("T")
# A code that was used (40163), is wrong or too old (40029), or timed out (42003).
CODE_ERRORS = (40029, 40163, 42003)
SCENE_SECONDS_MAX = 2_592_000
# Jobs wait longer for long lists than people for a page.
LIST_SECONDS = 120
# A page's buttons work without the JS-SDK: nobody waits long for it.
PAGE_SECONDS = 3

log = structlog.get_logger()


class WeChatUnavailable(Exception):
    """WeChat did not answer, or refused for a reason that is not the person's.

    `errcode` is WeChat's where it answered with one; None: it did not answer.
    `is_silent`: nothing came at all, or not in its time.
    """

    def __init__(self, why: str, errcode: int | None = None, *, is_silent: bool = False) -> None:
        super().__init__(why)
        self.errcode = errcode
        self.is_silent = is_silent


class OAuthFailed(Exception):
    """The code is worthless; `is_stale` when it was merely used or too old."""

    def __init__(self, errcode: int | None) -> None:
        super().__init__(f"oauth refused: {errcode}")
        self.is_stale = errcode in CODE_ERRORS


@dataclass(frozen=True)
class OAuthUser:
    """Who a code belongs to. A snapshot user is virtual: never bind or store them."""

    openid: str
    is_snapshot: bool
    nickname: str = ""
    avatar_url: str = ""


@dataclass(frozen=True)
class Scene:
    """A QR code of the official account; `url` is what the code says.

    `seconds` is how long it lasts; 0 for one that lasts for ever.
    """

    ticket: str
    url: str
    seconds: int


class Account:
    """The official account (公众号)."""

    def __init__(
        self,
        *,
        appid: str,
        secret: str,
        api_base: str,
        open_base: str,
        mp_base: str,
        public_base: str,
        cache: Cache,
    ) -> None:
        self._appid = appid
        self._secret = secret
        self._api_base = api_base
        self._open_base = open_base
        self._mp_base = mp_base
        self._public_base = public_base
        self.silence = Silence()
        self.client = Client(
            appid,
            secret,
            api_base,
            TokenStore(cache),
            functools.partial(cache.lock, "wechat_token"),
        )

    def authorize_url(self, state: str, *, ask_profile: bool = False) -> str:
        """Where the browser goes to log in: silently, or asking for name and picture."""
        return str(self._oauth(state, ask_profile).authorize_url)

    def exchange(self, code: str) -> OAuthUser:
        """Who this code belongs to. Raises OAuthFailed, WeChatUnavailable."""
        oauth = self._oauth("")
        with transport.deadline():
            answer = _asking(lambda: oauth.fetch_access_token(code))
            try:
                user = OAuthUser(text(answer, "openid"), bool(answer.get("is_snapshotuser")))
            except NotAnAnswer as error:
                raise WeChatUnavailable(str(error)) from error
            if user.is_snapshot or "snsapi_userinfo" not in str(answer.get("scope", "")):
                return user
            profile = _asking(oauth.get_user_info)
        return OAuthUser(
            user.openid,
            is_snapshot=False,
            nickname=str(profile.get("nickname", "")),
            avatar_url=str(profile.get("headimgurl", "")),
        )

    def temporary_scene(self, scene: str, *, seconds: int = SCENE_SECONDS_MAX) -> Scene:
        """A QR code whose scan tells us `scene`. Raises WeChatUnavailable."""
        asked = {
            "expire_seconds": seconds,
            "action_name": "QR_STR_SCENE",
            "action_info": {"scene": {"scene_str": scene}},
        }

        def make() -> Scene:
            made = an_object(self.client.qrcode.create(asked))
            return Scene(text(made, "ticket"), text(made, "url"), whole(made, "expire_seconds"))

        return _calling(make)

    def permanent_scene(self, scene: str) -> Scene:
        """A QR code that never ends; asking again for `scene` gives the same one.

        WeChat allows 100,000 of them and deletes none. Raises WeChatUnavailable,
        with errcode 45029 where all are taken.
        """
        asked = {
            "action_name": "QR_LIMIT_STR_SCENE",
            "action_info": {"scene": {"scene_str": scene}},
        }

        def make() -> Scene:
            made = an_object(self.client.qrcode.create(asked))
            return Scene(text(made, "ticket"), text(made, "url"), 0)

        return _calling(make)

    def scene_picture_url(self, ticket: str) -> str:
        """Where the picture of a scene is. wechatpy would hard-code the host."""
        return f"{self._mp_base}/cgi-bin/showqrcode?ticket={quote(ticket, safe='')}"

    def jssdk_config(self, url: str) -> dict[str, Any]:
        """What `wx.config` needs on the page at `url`.

        Raises ValueError for an address that is not ours (a signature is a
        permission), WeChatUnavailable: at once for some seconds after WeChat was
        silent, so that pages do not take every thread to wait for it.
        """
        page = url.partition("#")[0]
        ours, asked = urlsplit(self._public_base), urlsplit(page)
        if (asked.scheme, asked.netloc) != (ours.scheme, ours.netloc):
            raise ValueError("JS-SDK signatures are for our own pages only")
        session, key = self.client.session, f"{self._appid}_jsapi_ticket"
        ticket = session.get(key) or self._for_a_page(lambda: self._new_jsapi_ticket(key))
        nonce, timestamp = secrets.token_hex(8), int(time.time())
        return {
            "appId": self._appid,
            "timestamp": timestamp,
            "nonceStr": nonce,
            "signature": self.client.jsapi.get_jsapi_signature(nonce, ticket, timestamp, page),
        }

    def followers(self) -> set[str]:
        """The openid of everybody who follows the account. Raises WeChatUnavailable."""
        # A call for each 10,000 of them; each has its own deadline, besides the whole.
        return _calling(
            lambda: {text({"openid": one}, "openid") for one in self.client.user.iter_followers()},
            seconds=LIST_SECONDS,
        )

    def tags(self) -> dict[str, int]:
        """The id of each of the account's tags by its name. Raises WeChatUnavailable."""
        return _calling(
            lambda: {text(tag, "name"): whole(tag, "id") for tag in self.client.tag.get()}
        )

    def tag_id(self, name: str) -> int:
        """The id of a tag, made if there is none. Raises WeChatUnavailable."""
        known = self.tags().get(name)
        if known is not None:
            return known
        return _calling(lambda: whole(self.client.tag.create(name), "id"))

    def openids_with_tag(self, tag_id: int) -> set[str]:
        """Everybody who has a tag. Raises WeChatUnavailable."""
        # As for `followers`.
        return _calling(
            lambda: {
                text({"openid": openid}, "openid")
                for openid in self.client.tag.iter_tag_users(tag_id)
            },
            seconds=LIST_SECONDS,
        )

    def tag(self, tag_id: int, openids: list[str]) -> None:
        """Give at most 50 followers a tag. Raises WeChatUnavailable."""
        _calling(lambda: an_object(self.client.tag.tag_user(tag_id, openids)))

    def untag(self, tag_id: int, openids: list[str]) -> None:
        """Take a tag from at most 50 followers. Raises WeChatUnavailable."""
        _calling(lambda: an_object(self.client.tag.untag_user(tag_id, openids)))

    def _new_jsapi_ticket(self, key: str) -> str:
        # wechatpy would keep a ticket of any type for two hours.
        answer = an_object(self.client.jsapi.get_ticket("jsapi"))
        ticket = text(answer, "ticket")
        self.client.session.set(key, ticket, max(60, whole(answer, "expires_in") - 60))
        return ticket

    def _for_a_page(self, call: Callable[[], T]) -> T:
        """What a page may do without. Never for money: that asks each time."""
        if not self.silence.may_ask():
            raise WeChatUnavailable("silent a moment ago", is_silent=True)
        try:
            answer = _calling(call, seconds=PAGE_SECONDS)
        except WeChatUnavailable as error:
            if error.is_silent:
                self.silence.begin()
            else:
                self.silence.end()
            raise
        self.silence.end()
        return answer

    def private_templates(self) -> list[dict[str, Any]]:
        """The account's message templates, as WeChat lists them. Raises WeChatUnavailable."""

        def read() -> list[dict[str, Any]]:
            answer = an_object(self.client.get("template/get_all_private_template"))
            rows = [an_object(row) for row in answer["template_list"]]
            for row in rows:
                text(row, "template_id")
            return rows

        return _calling(read)

    def send_template(self, message: dict[str, Any]) -> str:
        """Send a template message; its id. Raises WeChatUnavailable.

        wechatpy's own method knows no `client_msg_id`.
        """
        return _calling(
            lambda: str(whole(self.client.post("message/template/send", data=message), "msgid"))
        )

    def send_subscription(self, message: dict[str, Any]) -> str:
        """Send a subscription notice; its id where WeChat gives one. Raises WeChatUnavailable."""

        def send() -> str:
            answer = self.client.post("message/subscribe/bizsend", data=message)
            # Without its word that it is sent it is not.
            whole(answer, "errcode")
            return str(answer.get("msgid") or "")

        return _calling(send)

    def _oauth(self, state: str, ask_profile: bool = False) -> OAuth:
        # A fresh one each time: wechatpy keeps the person's tokens on the object.
        return OAuth(
            self._api_base,
            self._open_base,
            self._appid,
            self._secret,
            f"{self._public_base}/wechat/oauth/callback",
            "snsapi_userinfo" if ask_profile else "snsapi_base",
            state,
        )


def _asking(call: Callable[[], Any]) -> dict[str, Any]:
    try:
        with transport.deadline():
            return an_object(call())
    except WeChatOAuthException as error:
        if error.errcode is None:
            raise WeChatUnavailable("no answer") from error
        raise OAuthFailed(error.errcode) from error
    except _STUMBLES as error:
        raise WeChatUnavailable(type(error).__name__) from error


def _calling(call: Callable[[], T], *, seconds: float | None = None) -> T:
    try:
        with transport.deadline(seconds):
            answer = call()
    except WeChatClientException as error:
        log.warning("wechat_refused", errcode=error.errcode)
        raise WeChatUnavailable(f"errcode {error.errcode}", error.errcode) from error
    except _STUMBLES as error:
        log.warning("wechat_unavailable", error=type(error).__name__)
        raise WeChatUnavailable(
            type(error).__name__, is_silent=isinstance(error, _SILENCE)
        ) from error
    # wechatpy hands on what is not JSON, a proxy's page for one, as if it were well.
    if isinstance(answer, requests.Response):
        log.warning("wechat_unavailable", error="not an answer")
        raise WeChatUnavailable("not an answer")
    return answer


# What wechatpy raises over an answer of another shape, besides the network's errors.
_STUMBLES = (
    requests.RequestException,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    TimeoutError,
)
_SILENCE = (requests.ConnectionError, requests.Timeout, TimeoutError)
