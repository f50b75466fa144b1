"""WeChat Pay v3 (JSAPI): wechat.md, sections 8 and 10."""

import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import requests
import structlog
import wechatpayv3.core
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.utils import build_authorization

from app.core import clock
from app.orders.ports import PaidNotice, PaymentState, PrepayRefused
from app.wechat import transport
from app.wechat.shapes import an_object, text, whole
from config import Config

FRESH_SECONDS = 300
# Older pages of WeChat's spell them in other ways: wechat.md, section 8, "Errors".
_UNKNOWN_NUMBER = {
    "ORDER_NOT_EXIST",
    "ORDERNOTEXIST",
    "ORDER_NOT_EXISTS",
    "RESOURCE_NOT_EXISTS",
    "NOT_FOUND",
}
ANSWER_BYTES_MAX = 1024 * 1024
_NUMBER = re.compile(r"[0-9A-Za-z]{6,32}", re.ASCII)

log = structlog.get_logger()


class _Requests:
    """In the place of `requests`, whose functions wechatpayv3 calls without a deadline.

    A new connection for each call: an answer on an old one may be lost with it,
    and here that would be money. What the environment says of proxies and certificates
    is read once by each thread.
    """

    def __init__(self) -> None:
        self._own = threading.local()

    def __getattr__(self, method: str) -> Callable[..., requests.Response]:
        def call(**given: Any) -> requests.Response:
            # Closing it ends its connections and leaves it ready for new ones.
            with self._session(given["url"]) as session:
                return session.request(method, **given)

        return call

    def _session(self, url: str) -> requests.Session:
        found: requests.Session | None = getattr(self._own, "session", None)
        if found is None:
            found = self._own.session = transport.session()
            for name, value in found.merge_environment_settings(url, {}, None, None, None).items():
                setattr(found, name, value)
            found.trust_env = False
            # What one answer wants remembered is no business of the next call.
            found.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        return found


# It has no option for this.
wechatpayv3.core.requests = _Requests()


class NoticeRefused(Exception):
    """A notice that is not WeChat's, or not fresh; answered with 401."""


class Unclear(Exception):
    """No answer that can be relied on."""


@dataclass(frozen=True)
class Answer:
    """A status and its JSON; verified by the library where the status is 2xx."""

    status: int
    data: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.data.get("code", ""))

    @property
    def is_unknown_number(self) -> bool:
        """WeChat itself says that it knows no such number; a proxy's 404 does not count."""
        return self.status == 404 and self.code in _UNKNOWN_NUMBER


@dataclass(frozen=True)
class Notice:
    """A verified, decrypted notice (回调通知)."""

    notice_id: str
    event_type: str
    resource: dict[str, Any]


@dataclass(frozen=True)
class Probed:
    """The answer to a harmless question, with who signed it (empty: nobody)."""

    answer: Answer
    serial: str
    is_verified: bool


class Pay:
    """WeChat Pay in public-key mode; stateless, shared by threads."""

    def __init__(
        self,
        *,
        base: str,
        appid: str,
        mchid: str,
        cert_serial: str,
        private_key: str,
        apiv3_key: str,
        public_key_id: str,
        public_key: str,
        notify_base: str,
    ) -> None:
        self.appid = appid
        self.mchid = mchid
        self.notify_base = notify_base
        self._known_serials = {public_key_id}
        self.library = WeChatPay(
            wechatpay_type=WeChatPayType.JSAPI,
            mchid=mchid,
            private_key=private_key.replace("\r\n", "\n"),
            cert_serial_no=cert_serial,
            appid=appid,
            apiv3_key=apiv3_key,
            notify_url=f"{notify_base}/wechat/pay/notify",
            public_key=public_key,
            public_key_id=public_key_id,
        )
        # The library has no option for the host; its constructor calls nothing
        # in public-key mode, so this is early enough.
        self.library._core._gate_way = base  # noqa: SLF001

    # --- payments ---------------------------------------------------------------

    def prepay(
        self,
        *,
        out_trade_no: str,
        amount_fen: int,
        description: str,
        openid: str,
        expires_at: datetime,
    ) -> str:
        """The prepay id. Raises PrepayRefused."""
        answer = self._clear(
            lambda: self.library.pay(
                description=description[:40],
                out_trade_no=out_trade_no,
                amount={"total": amount_fen, "currency": "CNY"},
                payer={"openid": openid},
                time_expire=clock.local(expires_at).replace(microsecond=0).isoformat(),
            )
        )
        if answer.status != 200:
            raise PrepayRefused(answer.code)
        return _field(answer, "prepay_id")

    def query(self, out_trade_no: str) -> PaymentState:
        """What became of a payment. Raises PrepayRefused without a clear answer."""
        self.checked(out_trade_no)
        answer = self._clear(lambda: self.library.query(out_trade_no=out_trade_no))
        if answer.is_unknown_number:
            return PaymentState("UNKNOWN_NUMBER")
        if answer.status != 200:
            raise PrepayRefused(answer.code)
        state = _field(answer, "trade_state")
        try:
            notice = paid_notice(answer.data) if state in ("SUCCESS", "REFUND") else None
        except NoticeRefused as error:
            raise PrepayRefused(str(error)) from error
        return PaymentState(state, notice)

    def close(self, out_trade_no: str) -> bool:
        """True: nobody can pay it any more. False: it was paid. Raises PrepayRefused."""
        self.checked(out_trade_no)
        answer = self._clear(lambda: self.library.close(out_trade_no))
        if answer.code in ("ORDERPAID", "ORDER_PAID"):
            return False
        # WeChat never got an unknown number, and a closing order asks for no prepay.
        if (
            answer.status == 204
            or answer.is_unknown_number
            or answer.code in ("ORDER_CLOSED", "ORDERCLOSED")
        ):
            return True
        raise PrepayRefused(answer.code)

    def sheet(self, prepay_id: str) -> dict[str, str]:
        """Signed parameters for `getBrandWCPayRequest`."""
        timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
        package = f"prepay_id={prepay_id}"
        return {
            "appId": self.appid,
            "timeStamp": timestamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": self.library.sign([self.appid, timestamp, nonce, package]),
        }

    # --- notices ----------------------------------------------------------------

    def open_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Verify and decrypt a notice. Raises NoticeRefused.

        The library checks neither the age of a notice nor whether it knows the
        serial before it calls out for a certificate; both are done first.
        """
        serial = headers.get("Wechatpay-Serial", "")
        timestamp = headers.get("Wechatpay-Timestamp", "")
        if len(body) > ANSWER_BYTES_MAX:
            raise NoticeRefused("size")
        if serial not in self._known_serials:
            raise NoticeRefused("serial")
        if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > FRESH_SECONDS:
            raise NoticeRefused("timestamp")
        try:
            opened = self.library.callback(headers, body)
        except Exception as error:
            # Missing headers and odd values surface as many kinds of exception.
            raise NoticeRefused(type(error).__name__) from error
        if not opened or not isinstance(opened.get("resource"), dict):
            raise NoticeRefused("signature")
        return Notice(
            notice_id=str(opened.get("id", ""))[:64],
            event_type=str(opened.get("event_type", "")),
            resource=opened["resource"],
        )

    # --- calls ------------------------------------------------------------------

    def probe(self) -> Probed:
        """Ask about a number that cannot exist (连接检查).

        WeChat's 404 proves our signature and the merchant; the library would not
        verify it. Raises requests.RequestException, ValueError without JSON.
        """
        core = self.library._core  # noqa: SLF001
        path = f"/v3/pay/transactions/out-trade-no/CHECK{secrets.token_hex(12)}?mchid={self.mchid}"
        answer = transport.session().get(
            core._gate_way + path,  # noqa: SLF001
            headers={
                "Accept": "application/json",
                "Content-Type": "application/json",
                "User-Agent": "mall",
                "Wechatpay-Serial": core._public_key_id,  # noqa: SLF001
                "Authorization": build_authorization(
                    path,
                    "GET",
                    self.mchid,
                    core._cert_serial_no,  # noqa: SLF001
                    core._private_key,  # noqa: SLF001
                ),
            },
            allow_redirects=False,
        )
        serial = answer.headers.get("Wechatpay-Serial", "")[:80]
        try:
            # An unknown serial would make the library ask for its certificate.
            is_verified = serial in self._known_serials and bool(
                core._verify_signature(answer.headers, answer.text)  # noqa: SLF001
            )
        except Exception:
            # Missing headers and odd values surface as many kinds of exception.
            is_verified = False
        return Probed(Answer(answer.status_code, an_object(answer.json())), serial, is_verified)

    def call(self, send: Callable[[], tuple[int, Any]]) -> Answer:
        """Run one call of the library. Raises Unclear unless it ended in JSON."""
        try:
            with transport.deadline():
                status, said = send()
        except requests.RequestException as error:
            log.warning("wxpay_unavailable", error=type(error).__name__)
            raise Unclear(type(error).__name__) from error
        except Exception as error:
            # An answer with a wrong signature, or none, is an Exception here.
            log.warning("wxpay_answer_refused", error=type(error).__name__)
            raise Unclear(type(error).__name__) from error
        try:
            data = an_object(json.loads(said) if said else {})
        except ValueError as error:
            raise Unclear(f"status {status} without a JSON object") from error
        if status >= 500 or status == 429:
            raise Unclear(f"status {status}")
        if status >= 400:
            log.warning("wxpay_refused", status=status, answer=str(data.get("code", "")))
        return Answer(status, data)

    def _clear(self, send: Callable[[], tuple[int, Any]]) -> Answer:
        try:
            return self.call(send)
        except Unclear as error:
            raise PrepayRefused(str(error)) from error

    def checked(self, number: str) -> str:
        """`number`, which the library puts into a path as it is. Raises ValueError."""
        if not _NUMBER.fullmatch(number):
            raise ValueError(f"not a number of ours: {number!r}")
        return number


def _field(answer: Answer, name: str) -> str:
    try:
        return text(answer.data, name)
    except ValueError as error:
        raise PrepayRefused(f"answer without {error}") from error


def from_config(config: Config) -> Pay:
    """The adapter with this configuration's keys. Raises OSError, or what the library does."""
    return Pay(
        base=config.wxpay_base,
        appid=config.wechat_app_id,
        mchid=config.wxpay_mch_id,
        cert_serial=config.wxpay_cert_serial,
        private_key=Path(config.wxpay_private_key_file).read_text(),
        apiv3_key=config.wxpay_apiv3_key,
        public_key_id=config.wxpay_public_key_id,
        public_key=Path(config.wxpay_public_key_file).read_text(),
        notify_base=config.wxpay_notify_base,
    )


def paid_notice(resource: Mapping[str, Any]) -> PaidNotice:
    """WeChat's transaction resource as our orders understand it.

    Raises NoticeRefused if it is not whole.
    """
    try:
        return PaidNotice(
            out_trade_no=text(resource, "out_trade_no"),
            transaction_id=text(resource, "transaction_id"),
            mchid=text(resource, "mchid"),
            appid=text(resource, "appid"),
            amount_fen=whole(resource.get("amount"), "total"),
            currency=text(resource.get("amount"), "currency"),
            openid=text(resource.get("payer"), "openid"),
            paid_at=clock.parse(text(resource, "success_time")),
        )
    except ValueError as error:
        raise NoticeRefused(f"not whole: {error}") from error
