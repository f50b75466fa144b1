"""The sandbox as a Flask program: parts, call log, security headers."""

import json
import re
import time
from pathlib import Path

from flask import Flask, g, request

from . import (
    authorization,
    bills,
    config,
    control,
    control_notices,
    faults,
    jssdk,
    menu,
    messages,
    oa,
    oauth,
    pay,
    people,
    phone,
    quotas,
    refund,
    tags,
    transfer,
    v3,
)
from .store import Store
from .worker import Worker

PARTS = (
    *(oa, quotas, messages, menu, tags, oauth),
    *(v3, pay, refund, transfer, authorization, bills),
    *(jssdk, phone, control, control_notices),
)
PROTOCOL = ("/cgi-bin/", "/sns/", "/connect/", "/v3/")
NAMES = (
    ("/cgi-bin/stable_token", "取稳定版 access_token"),
    ("/cgi-bin/token", "取 access_token"),
    ("/cgi-bin/ticket/getticket", "取 JS-SDK 票据"),
    ("/cgi-bin/qrcode/create", "生成带参数二维码"),
    ("/cgi-bin/showqrcode", "下载二维码图片"),
    ("/cgi-bin/user/", "取用户信息"),
    ("/cgi-bin/getcallbackip", "取微信推送服务器 IP"),
    ("/cgi-bin/get_api_domain_ip", "取微信接口服务器 IP"),
    ("/cgi-bin/openapi/quota/get", "查接口调用次数"),
    ("/cgi-bin/clear_quota", "清零接口调用次数"),
    ("/cgi-bin/menu/", "自定义菜单"),
    ("/cgi-bin/get_current_selfmenu_info", "查询菜单配置"),
    ("/cgi-bin/tags/", "用户标签"),
    ("/cgi-bin/message/custom/send", "发客服消息"),
    ("/cgi-bin/message/template/send", "发模板消息"),
    ("/cgi-bin/message/subscribe/bizsend", "发订阅通知"),
    ("/cgi-bin/template/", "模板管理"),
    ("/connect/oauth2/authorize", "网页授权"),
    ("/sns/oauth2/access_token", "用 code 换 openid"),
    ("/sns/oauth2/refresh_token", "刷新网页授权"),
    ("/sns/userinfo", "取授权用户资料"),
    ("/sns/auth", "检验网页授权"),
    ("/v3/pay/transactions/jsapi", "JSAPI 下单"),
    ("/v3/pay/transactions/", "查单或关单"),
    ("/v3/refund/", "退款"),
    ("/v3/bill/", "申请账单"),
    ("/v3/billdownload/", "下载账单"),
    ("/v3/fund-app/mch-transfer/user-confirm-authorization", "免确认收款授权"),
    ("/v3/fund-app/mch-transfer/", "商家转账"),
)
SECRET_FIELDS = re.compile(
    r"((?:access_token|refresh_token|secret|ticket|signature|msg_signature|ciphertext|user_name"
    r'|package_info|code)"?\s*[=:]\s*"?)([A-Za-z0-9_\-+/=%.]{13,})'
)


class Sandbox:
    """Everything the parts share: settings, state, background work."""

    def __init__(self, folder):
        self.config = config.load(folder)
        self.store = Store(Path(folder) / "sandbox.sqlite3")
        self.release = faults.Release()
        self.worker = Worker(self)

    def close(self) -> None:
        self.release.fire()
        self.worker.stop()
        self.store.close()


def create_app(folder) -> Flask:
    """The sandbox over the credentials in `folder` (made by `config.init`)."""
    app = Flask(__name__)
    app.json.ensure_ascii = False
    app.json.sort_keys = False
    app.config["MAX_CONTENT_LENGTH"] = 12 * 1024 * 1024  # An uploaded photo of a code.
    box = app.extensions["sandbox"] = Sandbox(folder)
    if not box.store.one("SELECT 1 FROM persons"):
        people.seed(box.store)

    @app.before_request
    def start():
        g.started = time.monotonic()
        if not _is_protocol():
            return None
        return faults.before_call(box) or quotas.count(box)

    @app.after_request
    def finish(response):
        if _is_protocol():
            response = faults.spoil(response)
        if request.path.startswith("/v3/"):
            response = v3.sign(box, response)
        if _is_protocol():
            _log(box, response)
            response = faults.after_call(box, response)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        if response.mimetype == "text/html":
            response.headers["Content-Security-Policy"] = _policy(box)
            response.headers["Cache-Control"] = "no-store"
            response.headers["Referrer-Policy"] = "no-referrer"
        return response

    # After the hooks above: a blueprint's own checks come second, so that every
    # refusal is timed and logged.
    for part in PARTS:
        app.register_blueprint(part.bp)
    box.worker.start()
    return app


def _is_protocol() -> bool:
    return request.path.startswith(PROTOCOL)


def _policy(box) -> str:
    mall = box.config.mall_url
    # /bridge is framed by the mall, the OAuth pages stand inside the phone's webview.
    return (
        "default-src 'self'; img-src 'self' data: blob: " + mall + "; object-src 'none'; "
        f"base-uri 'none'; form-action 'self' {mall}; frame-src 'self' {mall}; "
        f"frame-ancestors 'self' {mall}"
    )


def call_name(path: str) -> str:
    if path.endswith("/close"):
        return "关闭订单"
    if path.endswith("/cancel"):
        return "撤销转账"
    return next((name for prefix, name in NAMES if path.startswith(prefix)), path)


def _log(box, response) -> None:
    body = "" if response.direct_passthrough else _text(response.get_data())
    sent = request.full_path.rstrip("?")
    if request.content_length:
        sent += "\n\n" + _text(request.get_data())
    status = response.status_code
    result, is_ok = _result(status, body)
    if "call_result" in g:
        result, is_ok = g.call_result, False
    box.store.log_call(
        direction="in",
        name=call_name(request.path),
        method=request.method,
        path=request.path,
        status=status,
        is_ok=int(is_ok),
        result=result,
        duration_ms=int((time.monotonic() - g.started) * 1000),
        request=shorten(sent),
        response=shorten(body),
    )


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"（{len(data)} 字节）"


def _result(status: int, body: str) -> tuple[str, bool]:
    try:
        data = json.loads(body)
    except ValueError:
        data = None
    if isinstance(data, dict):
        if data.get("errcode"):
            return f"{data['errcode']} {data.get('errmsg', '').split(' rid')[0]}"[:120], False
        if status >= 400:
            return f"{status} {data.get('code', '')} {data.get('message', '')}"[:120], False
    return (str(status) if status != 200 else "成功"), status < 400


def shorten(text: str, limit: int = 6000) -> str:
    """Secrets keep their first eight characters; long bodies end with a mark."""
    text = SECRET_FIELDS.sub(lambda m: f"{m[1]}{m[2][:8]}…", text)
    return text if len(text) <= limit else text[:limit] + f"…（共 {len(text)} 字）"
