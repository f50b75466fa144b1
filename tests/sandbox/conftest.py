"""The sandbox in a thread, a small mall that records what it is sent, real clients."""

import functools
import json
import threading
import time
from pathlib import Path

import pytest
import requests
import xmltodict
from flask import Flask, Response, request
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpy import WeChatClient, WeChatOAuth
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import WeChatClientException
from wechatpy.session.memorystorage import MemoryStorage
from wechatpy.utils import check_signature
from werkzeug.serving import WSGIRequestHandler, make_server

from scripts.wechat_sandbox import config as configuration
from scripts.wechat_sandbox import create_app

WANG = "oSandbox_wangfang_0000000003"
LIN = "oSandbox_linjie_000000000001"
VECTORS = Path(__file__).parents[3] / "shared" / "reference" / "wechat_vectors.json"


class Quiet(WSGIRequestHandler):
    def log(self, *args, **kwargs):
        pass


class Server:
    def __init__(self, app):
        self._server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def start(self):
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Mall:
    """The other side: checks what it gets with the real libraries and remembers it."""

    def __init__(self):
        self.app = Flask("mall")
        self.messages = []  # (query, parsed fields)
        self.notices = []  # (headers, raw body)
        self.reply = lambda fields: "success"
        self.notice_status = 204
        self.config = None
        self.app.add_url_rule("/wechat/callback", view_func=self.callback, methods=["GET", "POST"])
        self.app.add_url_rule("/wechat/<kind>/notify", view_func=self.notify, methods=["POST"])

        self.pages = {}  # What browser tests serve: page, script, values.
        for rule, name in (
            ("/", "page"),
            ("/page/<int:number>", "page"),
            ("/page.js", "script"),
            ("/values/<name>", "values"),
        ):
            self.app.add_url_rule(rule, rule, self._page_of(name))

    def _page_of(self, name):
        def serve(**arguments):
            return self.pages[name](**arguments)

        return serve

    def callback(self):
        q = request.args
        check_signature(self.config.token, q["signature"], q["timestamp"], q["nonce"])
        if request.method == "GET":
            return q["echostr"]
        body = request.get_data()
        crypto = WeChatCrypto(self.config.token, self.config.aes_key, self.config.appid)
        aes = q.get("encrypt_type") == "aes"
        text = (
            crypto.decrypt_message(body, q["msg_signature"], q["timestamp"], q["nonce"])
            if aes
            else body
        )
        fields = xmltodict.parse(text)["xml"]
        self.messages.append((dict(q), fields, xmltodict.parse(body)["xml"]))
        answer = self.reply(fields)
        if isinstance(answer, Response) or answer in ("", "success") or not aes:
            return answer
        return crypto.encrypt_message(answer, q["nonce"], q["timestamp"])

    def notify(self, kind):
        self.notices.append((dict(request.headers), request.get_data()))
        return Response(status=self.notice_status)


@pytest.fixture(scope="session")
def _sandbox(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sandbox")
    mall = Mall()
    mall_server = Server(mall.app)
    # The sandbox must know its own address before it can be made.
    holder = Flask("holder")
    server = Server(lambda environ, start: holder.wsgi_app(environ, start))  # noqa: PLW0108 - late
    mall.config = configuration.init(
        folder, mall_url=mall_server.url, sandbox_url=server.url, mode="safe"
    )
    holder = create_app(folder)
    mall_server.start()
    server.start()
    yield holder, mall, mall.config
    mall_server.stop()
    server.stop()
    holder.extensions["sandbox"].close()


class Control:
    def __init__(self, base):
        self.base = base + "/_control"

    def get(self, path):
        answer = requests.get(self.base + path, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path, expect=None, **data):
        answer = requests.post(self.base + path, json=data, timeout=30)
        assert answer.status_code == expect if expect else answer.ok, answer.text
        return answer.json() if answer.content else None

    def fault(self, target, kind, **options):
        return self.post("/faults", target=target, kind=kind, **options)


@pytest.fixture
def sandbox(_sandbox):
    """Address, credentials, control API and the recording mall, all fresh."""
    app, mall, config = _sandbox
    control = Control(config.sandbox_url)
    control.post("/reset")
    mall.messages.clear()
    mall.notices.clear()
    mall.reply = lambda fields: "success"
    mall.notice_status = 204

    class Box:
        pass

    box = Box()
    box.app, box.mall, box.config, box.control, box.url = (
        app,
        mall,
        config,
        control,
        config.sandbox_url,
    )
    return box


def wait_for(condition, seconds=10):
    """The value of `condition()` as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("condition did not come true")


class MallClient(WeChatClient):
    """The client recipe of the protocol reference."""

    def __init__(self, appid, secret, api_base):
        self.API_BASE_URL, self._base, self._lock = (
            api_base + "/cgi-bin/",
            api_base,
            threading.Lock(),
        )
        super().__init__(appid, secret, session=MemoryStorage(), timeout=(3, 8), auto_retry=False)

    @property
    def access_token(self):
        return self.session.get(self.access_token_key) or self._renew(None)

    def _renew(self, stale):
        with self._lock:
            token = self.session.get(self.access_token_key)
            if token and token != stale:
                return token
            answer = self._http.post(
                self._base + "/cgi-bin/stable_token",
                timeout=self.timeout,
                json={
                    "grant_type": "client_credential",
                    "appid": self.appid,
                    "secret": self.secret,
                },
            ).json()
            if answer.get("errcode"):
                raise WeChatClientException(answer["errcode"], answer.get("errmsg"), client=self)
            self.session.set(self.access_token_key, answer["access_token"], answer["expires_in"])
            return answer["access_token"]

    def _request(self, method, url_or_endpoint, **kw):
        token = self.access_token
        kw["params"] = dict(kw.get("params") or {}, access_token=token)
        try:
            return super()._request(method, url_or_endpoint, **dict(kw))
        except WeChatClientException as error:
            if error.errcode not in (40001, 40014, 42001):
                raise
            kw["params"]["access_token"] = self._renew(token)
            return super()._request(method, url_or_endpoint, **kw)


class MallOAuth(WeChatOAuth):
    def __init__(self, api_base, open_base, *args, **kw):
        super().__init__(*args, **kw)
        self.API_BASE_URL, self.OAUTH_BASE_URL = api_base + "/", open_base + "/connect/"
        self._http.request = functools.partial(self._http.request, timeout=(3, 8))


@pytest.fixture
def client(sandbox):
    return MallClient(sandbox.config.appid, sandbox.config.secret, sandbox.url)


@pytest.fixture
def oauth(sandbox):
    def make(scope="snsapi_base", state="s8f3a1", path="/wechat/oauth/callback"):
        return MallOAuth(
            sandbox.url,
            sandbox.url,
            sandbox.config.appid,
            sandbox.config.secret,
            sandbox.config.mall_url + path,
            scope,
            state,
        )

    return make


@pytest.fixture
def wxpay(sandbox):
    config = sandbox.config
    folder = Path(config.folder)
    pay = WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI,
        mchid=config.mchid,
        private_key=(folder / "merchant_key.pem").read_text(),
        cert_serial_no=config.merchant_serial,
        appid=config.appid,
        apiv3_key=config.apiv3_key,
        timeout=(3, 8),
        notify_url=config.mall_url + "/wechat/pay/notify",
        public_key=(folder / "wechatpay_public_key.pem").read_text(),
        public_key_id=config.public_key_id,
    )
    pay._core._gate_way = sandbox.url
    return pay


@pytest.fixture
def call(wxpay):
    """`call(method, **arguments)` of wechatpayv3: (status, parsed body)."""

    def run(method, *args, **kw):
        status, text = getattr(wxpay, method)(*args, **kw)
        return status, json.loads(text) if text else None

    return run


@pytest.fixture(scope="session")
def vectors():
    if not VECTORS.exists():
        pytest.skip(f"the protocol vectors are not beside the checkout: {VECTORS.name}")
    return json.loads(VECTORS.read_text("utf-8"))


__all__ = ["LIN", "WANG", "wait_for"]
