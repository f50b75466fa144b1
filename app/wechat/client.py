"""wechatpy's clients of the official account, with its traps closed. See wechat.md, 2."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from wechatpy import WeChatClient, WeChatOAuth
from wechatpy.exceptions import WeChatClientException

from app.core.cache import Cache
from app.wechat import transport
from app.wechat.shapes import NotAnAnswer, text, whole

TOKEN_ERRORS = (40001, 40014, 42001)


class TokenStore:
    """wechatpy's storage of tokens on our cache."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def get(self, key: str, default: Any = None) -> Any:
        found = self._cache.get(f"wechat:{key}")
        return default if found is None else found

    def set(self, key: str, value: Any, ttl: int | None = None) -> None:
        # wechatpy gives its tickets no end; two hours is how long WeChat keeps them.
        self._cache.set(f"wechat:{key}", value, ttl or 7000)

    def delete(self, key: str) -> None:
        self._cache.delete(f"wechat:{key}")


class Client(WeChatClient):
    """wechatpy's client on stable tokens, with one retry after a rejected one."""

    def __init__(
        self,
        appid: str,
        secret: str,
        api_base: str,
        session: TokenStore,
        lock: Callable[..., AbstractContextManager[None]],
    ) -> None:
        self.API_BASE_URL = f"{api_base}/cgi-bin/"
        self._base = api_base
        self._lock = lock
        super().__init__(appid, secret, session=session, auto_retry=False)
        self._http = transport.session()

    @property
    def access_token(self) -> str:
        return self.session.get(self.access_token_key) or self._renew(None)

    def fetch_access_token(self) -> None:
        self._renew(self.session.get(self.access_token_key))

    def _renew(self, stale: str | None) -> str:
        # Whoever waits for another's renewal waits no longer than for their own.
        with self._lock(wait=transport.seconds_left()):
            token: str | None = self.session.get(self.access_token_key)
            if token and token != stale:
                return token
            answer = self._http.post(
                f"{self._base}/cgi-bin/stable_token",
                json={
                    "grant_type": "client_credential",
                    "appid": self.appid,
                    "secret": self.secret,
                    # A token that WeChat itself rejects would only come back.
                    "force_refresh": False,
                },
            ).json()
            if not isinstance(answer, dict):
                raise NotAnAnswer("token")
            if answer.get("errcode"):
                raise WeChatClientException(
                    int(answer["errcode"]), answer.get("errmsg"), client=self
                )
            fresh = text(answer, "access_token")
            self.session.set(
                self.access_token_key, fresh, max(60, whole(answer, "expires_in") - 300)
            )
            return fresh

    def _request(self, method: str, url_or_endpoint: str, **kwargs: Any) -> Any:
        token = self.access_token
        kwargs["params"] = dict(kwargs.get("params") or {}, access_token=token)
        try:
            return super()._request(method, url_or_endpoint, **dict(kwargs))
        except WeChatClientException as error:
            if error.errcode not in TOKEN_ERRORS:
                raise
            kwargs["params"]["access_token"] = self._renew(token)
            return super()._request(method, url_or_endpoint, **kwargs)


class OAuth(WeChatOAuth):
    """wechatpy's OAuth with our addresses and with deadlines."""

    def __init__(self, api_base: str, open_base: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.API_BASE_URL = f"{api_base}/"
        self.OAUTH_BASE_URL = f"{open_base}/connect/"
        self._http = transport.session()
