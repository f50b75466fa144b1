"""What all calls of WeChat Pay v3 share: who calls, how refusals look, signatures."""

import json
import re
import secrets
import time
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, g, request

from . import people, signing

bp = Blueprint("v3", __name__)

BEIJING = timezone(timedelta(hours=8))
CLOCK_SKEW_SECONDS = 300
UNSIGNED = "/v3/billdownload/"


class PayError(Exception):
    def __init__(self, status: int, code: str, message: str, **detail):
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail


def box():
    return current_app.extensions["sandbox"]


def param_error(message: str, field: str = "") -> PayError:
    return PayError(400, "PARAM_ERROR", message, **({"field": field} if field else {}))


def answer(data: dict | None, status: int = 200) -> Response:
    body = "" if data is None else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Response(body, status, content_type="application/json; charset=utf-8")


@bp.app_errorhandler(PayError)
def _refuse(error: PayError):
    data = {"code": error.code, "message": error.message}
    return answer(data | ({"detail": error.detail} if error.detail else {}), error.status)


@bp.before_app_request
def _authenticate():
    if not request.path.startswith("/v3/"):
        return
    config = box().config
    fields = signing.parse_authorization(request.headers.get("Authorization", ""))
    if fields is None:
        raise PayError(
            401,
            "SIGN_ERROR",
            "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》",
        )
    if fields["mchid"] != config.mchid:
        raise PayError(401, "SIGN_ERROR", "商户号不存在或与证书不符")
    if fields["serial_no"] != config.merchant_serial:
        raise PayError(401, "SIGN_ERROR", "商户证书序列号有误")
    stamp = fields["timestamp"]
    # Real time on both sides; the sandbox's advanced clock is for expiry only.
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > CLOCK_SKEW_SECONDS:
        raise PayError(
            401, "SIGN_ERROR", "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟"
        )
    target = (
        request.environ.get("REQUEST_URI") or request.environ.get("RAW_URI") or request.full_path
    )
    if "://" in target:
        target = "/" + target.split("://", 1)[1].partition("/")[2]
    text = signing.request_text(
        request.method, target, stamp, fields["nonce_str"], request.get_data()
    )
    if not signing.rsa_verify(config.merchant_public_key, fields["signature"], text):
        raise PayError(
            401,
            "SIGN_ERROR",
            "签名错误，请检查后再试",
            sign_information={
                "method": request.method,
                "url": target,
                "sign_message_length": len(text),
            },
        )
    named = request.headers.get("Wechatpay-Serial")
    if named and named != config.public_key_id:
        raise PayError(400, "PARAM_ERROR", "Wechatpay-Serial 不是有效的微信支付公钥ID")
    if "json" not in request.headers.get("Accept", "") and "*/*" not in request.headers.get(
        "Accept", ""
    ):
        raise PayError(406, "INVALID_REQUEST", "请求头 Accept 须为 application/json")
    if request.method == "POST" and request.content_length:
        if request.mimetype != "application/json":
            raise PayError(415, "INVALID_REQUEST", "请求头 Content-Type 须为 application/json")


def sign(box, response: Response) -> Response:
    """Put WeChat Pay's five headers on an answer; bill files carry none."""
    response.headers["Request-ID"] = secrets.token_hex(12).upper()
    if request.path.startswith(UNSIGNED) or response.mimetype == "text/html":
        return response
    body = response.get_data()
    headers = signing.answer_headers(box.config.platform_key, box.config.public_key_id, body)
    fault = getattr(g, "fault", None)
    if fault and fault["kind"] == "bad_signature":
        headers = signing.answer_headers(
            box.config.platform_key, box.config.public_key_id, body + b" "
        )
    response.headers.update(headers)
    if response.status_code == 204:
        # wechatpayv3 looks at the type of every answer, of an empty one too.
        response.headers["Content-Type"] = "application/json; charset=utf-8"
    return response


def payload() -> dict:
    try:
        data = json.loads(request.get_data())
    except ValueError:
        raise param_error("请求体不是合法的 JSON") from None
    if not isinstance(data, dict):
        raise param_error("请求体不是 JSON 对象")
    return data


def text_field(
    data: dict,
    name: str,
    *,
    most: int,
    least: int = 1,
    pattern: str | None = None,
    required: bool = True,
) -> str | None:
    """A string of the body. Absent, null and (when optional) empty are None."""
    value = data.get(name)
    if value is None or (value == "" and not required):
        if required:
            raise param_error(f"缺少参数 {name}", name)
        return None
    if not isinstance(value, str):
        raise param_error(f"{name} 应为字符串", name)
    if not least <= len(value) <= most:
        raise param_error(f"{name} 长度应为 {least} 至 {most} 个字符", name)
    if pattern and not re.fullmatch(pattern, value):
        raise param_error(f"{name} 含有不允许的字符", name)
    return value


def fen_field(data: dict, name: str, *, least: int = 1) -> int:
    value = data.get(name)
    if type(value) is not int:
        raise param_error(f"{name} 应为整数，单位为分", name)
    if value < least:
        raise param_error(f"{name} 不能小于 {least}", name)
    return value


def notify_field(data: dict, *, required: bool = True) -> str | None:
    return url_field(data, "notify_url", required=required)


def url_field(data: dict, name: str, *, required: bool = True) -> str | None:
    """An address for notices: https, without parameters."""
    url = text_field(data, name, most=255, required=required)
    if url is None:
        return None
    parts = urlsplit(url)
    # WeChat wants https. Here the mall's own address may be plain http on this machine.
    allowed = parts.scheme == "https" or f"{parts.scheme}://{parts.netloc}" == box().config.mall_url
    if not allowed or not parts.netloc or parts.query or "?" in url or parts.fragment:
        raise param_error(f"{name} 须为 https 地址且不能带参数", name)
    return url


def openid_field(data: dict) -> str:
    openid = text_field(data, "openid", most=128)
    if people.get(box().store, openid) is None:
        raise param_error("无效的openid，请确认该openid属于此appid", "openid")
    return openid


def check_appid(data: dict) -> None:
    if text_field(data, "appid", most=32) != box().config.appid:
        raise PayError(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配，请检查后再试")


def check_mchid(value) -> None:
    if value is None or value == "":
        raise param_error("缺少参数 mchid", "mchid")
    if value != box().config.mchid:
        raise PayError(403, "NO_AUTH", "商户号与签名所用的商户号不一致")


def rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), BEIJING).isoformat()


def parse_time(text: str, field: str) -> float:
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise param_error(f"{field} 不是 RFC3339 时间", field) from None
    if value.tzinfo is None or "T" not in text:
        raise param_error(f"{field} 不是 RFC3339 时间", field)
    return value.astimezone(UTC).timestamp()


def number(prefix: str, now: float, length: int) -> str:
    """A platform number: prefix, Beijing date, digits."""
    head = prefix + datetime.fromtimestamp(now, BEIJING).strftime("%Y%m%d")
    return head + "".join(str(secrets.randbelow(10)) for _ in range(length - len(head)))
