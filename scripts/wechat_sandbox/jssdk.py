"""JS-SDK: the script, and the checks that the phone makes for it (`/_js/…`).

Mall pages never call these addresses: the script speaks by postMessage to the
phone page or to `/bridge`, which belong to the sandbox's own origin.
"""

from urllib.parse import urlsplit

from flask import (
    Blueprint,
    abort,
    current_app,
    jsonify,
    render_template,
    request,
    send_from_directory,
)

from . import authorization, oa, pay, people, signing, transfer

bp = Blueprint("jssdk", __name__)


def box():
    return current_app.extensions["sandbox"]


def own_origin_only() -> None:
    """Refuse other sites' pages: the phone acts with its person's cookie."""
    origin = request.headers.get("Origin")
    if origin and urlsplit(origin).netloc != request.host:
        abort(403)


@bp.before_request
def _guard():
    if request.method == "POST":
        own_origin_only()


def person() -> dict | None:
    return people.get(box().store, request.cookies.get("sandbox_person", ""))


@bp.get("/open/js/jweixin-1.6.0.js")
def script():
    return send_from_directory(
        current_app.static_folder, "jweixin.js", mimetype="text/javascript", max_age=0
    )


@bp.get("/bridge")
def bridge():
    return render_template("bridge.html", mall_url=box().config.mall_url)


def _body() -> dict:
    data = request.get_json(silent=True)
    return data if isinstance(data, dict) else {}


def _logged(name: str, ok: bool, result: str, sent: dict) -> None:
    shown = {
        k: (v[:12] + "…" if k in ("signature", "paySign", "package") else v)
        for k, v in sent.items()
        if isinstance(v, str)
    }
    box().store.log_call(
        direction="page",
        name=name,
        method="JS",
        path=str(sent.get("url", ""))[:300],
        status=0,
        is_ok=int(ok),
        result=result,
        duration_ms=0,
        request="\n".join(f"{k}: {v}" for k, v in shown.items()),
        response=result,
    )


def config_error(config, store, data: dict) -> str | None:
    """What `wx.error` would be told about these values, None if they are right."""
    url = str(data.get("url", ""))
    if f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" != config.mall_url:
        return "config:invalid url domain"
    if data.get("appId") != config.appid:
        return "config:invalid appid"
    expected = signing.jssdk_signature(
        ticket=oa.current_ticket(store)["value"],
        noncestr=str(data.get("nonceStr", "")),
        timestamp=str(data.get("timestamp", "")),
        url=url.split("#")[0],
    )
    return None if data.get("signature") == expected else "config:invalid signature"


@bp.post("/_js/config")
def check_config():
    data = _body()
    error = config_error(box().config, box().store, data)
    _logged("wx.config", error is None, error or "config:ok", data)
    return jsonify(ok=error is None, errMsg=error or "config:ok")


@bp.post("/_js/share")
def share():
    data = _body()
    config = box().config
    link = str(data.get("link") or "")
    good = f"{urlsplit(link).scheme}://{urlsplit(link).netloc}" == config.mall_url
    if good:
        remember_link(link, str(data.get("title") or link), "分享卡片")
    result = "ok" if good else "fail: link 不在 JS 接口安全域名内"
    _logged("设置分享", good, result, {"url": str(data.get("url", "")), "link": link})
    return jsonify(ok=good, errMsg=result)


def remember_link(url: str, title: str, note: str) -> None:
    store = box().store
    store.run(
        "INSERT INTO links VALUES (?, ?, ?, ?) ON CONFLICT (url) DO UPDATE SET"
        " title = excluded.title, note = excluded.note, seen_at = excluded.seen_at",
        url[:500],
        title[:80],
        note,
        store.now(),
    )


@bp.post("/_js/pay/<step>")
def pay_step(step: str):
    data, sandbox, who = _body(), box(), person()
    params = data.get("params") if isinstance(data.get("params"), dict) else {}
    url = str(data.get("url", ""))
    if step not in ("check", "confirm"):
        abort(404)
    try:
        if who is None:
            raise pay.Unpayable("请先在沙箱里选择一个微信用户")
        row = pay.check_request(sandbox, who["openid"], params, url)
        if step == "confirm":
            row = pay.pay(sandbox, who["openid"], row["prepay_id"])
    except pay.Unpayable as problem:
        _logged("拉起支付", False, str(problem), {"url": url, **params})
        return jsonify(ok=False, message=str(problem))
    _logged("拉起支付" if step == "check" else "确认支付", True, "通过", {"url": url, **params})
    shown = pay.transaction(sandbox.config, row)
    return jsonify(
        ok=True,
        amount_fen=row["total_fen"],
        shop=sandbox.config.merchant_name,
        number=shown["out_trade_no"],
        description=pay.description(row),
        payer=who["nickname"],
    )


@bp.post("/_js/transfer/<step>")
def transfer_step(step: str):
    data, sandbox, who = _body(), box(), person()
    params = data.get("params") if isinstance(data.get("params"), dict) else {}
    url = str(data.get("url", ""))
    if step not in ("check", "confirm"):
        abort(404)
    try:
        if who is None:
            raise transfer.Unconfirmable("请先在沙箱里选择一个微信用户")
        package = str(params.get("package", ""))
        named = {"mchid": str(params.get("mchId", "")), "appid": str(params.get("appId", ""))}
        grant = authorization.confirmable(sandbox, who["openid"], package, **named)
        if grant is not None:
            return _grant_step(step, grant, {"url": url, **params})
        row = transfer.confirmable(sandbox, who["openid"], package, **named)
        if step == "confirm":
            transfer.confirm(sandbox, row)
    except transfer.Unconfirmable as problem:
        _logged("拉起确认收款", False, str(problem), {"url": url, **params})
        return jsonify(ok=False, message=str(problem))
    _logged("拉起确认收款" if step == "check" else "确认收款", True, "通过", {"url": url, **params})
    return jsonify(
        ok=True,
        amount_fen=row["amount_fen"],
        shop=sandbox.config.merchant_name,
        remark=transfer.remark(row),
        payee=who["nickname"],
    )


def _grant_step(step: str, grant: dict, sent: dict):
    """The same call of the page opens WeChat's page of a grant."""
    if step == "confirm":
        authorization.confirm(box(), grant["out_authorization_no"])
    _logged("拉起免确认授权" if step == "check" else "确认免确认授权", True, "通过", sent)
    return jsonify(ok=True, **authorization.shown_to(box(), grant))
