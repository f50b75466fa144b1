"""The official account: its settings, token, allow-list, and clock."""

import base64
import binascii
import re
import time
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from app.wechat import shapes, transport
from app.wechat.doctor.findings import Finding, Outcome, Patient
from config import Config

# From 300 s WeChat Pay refuses every signature (wechat.md, section 11).
SKEW_WARNING_SECONDS, SKEW_FAILED_SECONDS = 60, 300


def configuration(patient: Patient) -> list[Finding]:
    config = patient.config
    wrong = [
        says
        for is_right, says in (
            (
                re.fullmatch(r"wx[0-9a-f]{16}", config.wechat_app_id),
                "WECHAT_APP_ID 应为 wx 加 16 位",
            ),
            (
                re.fullmatch(r"[0-9a-f]{32}", config.wechat_app_secret),
                "WECHAT_APP_SECRET 应为 32 位",
            ),
            (
                re.fullmatch(r"gh_[0-9a-z]{6,20}", config.wechat_original_id),
                "WECHAT_ORIGINAL_ID 应为 gh_ 开头的原始ID",
            ),
            (
                re.fullmatch(r"[0-9A-Za-z]{3,32}", config.wechat_token),
                "WECHAT_TOKEN 应为 3 至 32 位字母或数字",
            ),
            (_is_aes_key(config.wechat_aes_key), "WECHAT_AES_KEY 应为 43 位字母或数字"),
        )
        if not is_right
    ]
    title = "公众号配置"
    if wrong:
        return [
            Finding(
                "config",
                title,
                Outcome.FAILED,
                "；".join(wrong),
                "到公众平台 > 设置与开发 > 基本配置核对，改好环境变量后重启服务",
            )
        ]
    return [Finding("config", title, Outcome.OK, f"AppID {config.wechat_app_id}，格式都正确")]


def _is_aes_key(text: str) -> bool:
    try:
        return len(text) == 43 and len(base64.b64decode(text + "=", validate=True)) == 32
    except binascii.Error:
        return False


# --- the official account's API --------------------------------------------------------

_TOKEN_ADVICE = {
    40001: "AppSecret 不正确：到公众平台 > 基本配置重置后更新 WECHAT_APP_SECRET",
    40002: "请求被改动过：检查出口处的代理",
    40013: "AppID 不正确：核对 WECHAT_APP_ID，不要用小程序的",
    40125: "AppSecret 不正确：到公众平台 > 基本配置重置后更新 WECHAT_APP_SECRET",
    40243: "AppSecret 已被冻结：到公众平台 > 基本配置解冻",
    45009: "今天取令牌的次数已用完：明天再试，或在公众平台清零接口调用次数",
    45011: "取令牌太频繁：一分钟后再试",
    50007: "公众号已被冻结：到公众平台查看通知",
}


def api(patient: Patient) -> list[Finding]:
    config, session = patient.config, transport.session()
    answer = _json(
        session.post(
            f"{config.wechat_api_base}/cgi-bin/stable_token",
            json={
                "grant_type": "client_credential",
                "appid": config.wechat_app_id,
                "secret": config.wechat_app_secret,
                "force_refresh": False,
            },
        )
    )
    code, said = answer.get("errcode"), _said(answer)
    if code == 40164:
        return [
            Finding("token", TOKEN, Outcome.SKIPPED, "被 IP 白名单挡住，见下一项"),
            _not_on_the_list(answer),
            Finding("api", _API, Outcome.SKIPPED, "没有令牌，无法检查"),
        ]
    if code:
        advice = _TOKEN_ADVICE.get(code, "按错误码到微信公众平台的文档里查原因")
        return [
            Finding("token", TOKEN, Outcome.FAILED, said, advice),
            Finding("allow_list", _ALLOW_LIST, Outcome.SKIPPED, "没有取得令牌，无法判断"),
            Finding("api", _API, Outcome.SKIPPED, "没有令牌，无法检查"),
        ]
    token = shapes.text(answer, "access_token")
    minutes = shapes.whole(answer, "expires_in") // 60
    return [
        Finding("token", TOKEN, Outcome.OK, f"已取得，{minutes} 分钟内有效"),
        *_with_token(config, session, token),
    ]


def _with_token(config: Config, session: requests.Session, token: str) -> list[Finding]:
    answer = _json(
        session.get(
            f"{config.wechat_api_base}/cgi-bin/getcallbackip", params={"access_token": token}
        )
    )
    code = answer.get("errcode")
    if code == 40164:
        return [
            _not_on_the_list(answer),
            Finding("api", _API, Outcome.SKIPPED, "被 IP 白名单挡住"),
        ]
    allowed = Finding("allow_list", _ALLOW_LIST, Outcome.OK, "本服务器可以调用接口")
    if code:
        return [
            allowed,
            Finding(
                "api",
                _API,
                Outcome.FAILED,
                _said(answer),
                "令牌刚取到就不被接受：可能有别的程序用同一个 AppSecret 取走了令牌，停用它们",
            ),
        ]
    listed = answer.get("ip_list")
    if not isinstance(listed, list):
        raise shapes.NotAnAnswer("ip_list")
    return [allowed, Finding("api", _API, Outcome.OK, f"微信推送服务器 {len(listed)} 个地址段")]


TOKEN, _ALLOW_LIST, _API = "取得 access_token", "IP 白名单", "公众号接口"


def _not_on_the_list(answer: dict[str, Any]) -> Finding:
    found = re.search(r"invalid ip ([0-9a-fA-F.:]+)", str(answer.get("errmsg", "")))
    address = found[1] if found else ""
    return Finding(
        "allow_list",
        _ALLOW_LIST,
        Outcome.FAILED,
        f"微信看到的地址 {address} 不在白名单里" if address else "本服务器的地址不在白名单里",
        f"到公众平台 > 基本配置 > IP白名单加入 {address or '本服务器的出口地址'}，约 5 分钟后生效",
    )


def clock(patient: Patient) -> list[Finding]:
    before = time.time()
    answer = transport.session().get(f"{patient.config.wechat_api_base}/cgi-bin/getcallbackip")
    middle = (before + time.time()) / 2
    stamp = answer.headers.get("Date", "")
    try:
        theirs = parsedate_to_datetime(stamp).timestamp()
    except ValueError:
        return [Finding("clock", CLOCK, Outcome.SKIPPED, "微信的答复里没有时间")]
    return [clock_finding(middle - theirs)]


CLOCK = "服务器时间"


def clock_finding(skew_seconds: float) -> Finding:
    """What a difference to WeChat's clock means; positive: ours is ahead."""
    size = round(abs(skew_seconds))
    if size < SKEW_WARNING_SECONDS:
        return Finding("clock", CLOCK, Outcome.OK, f"与微信相差 {size} 秒")
    return Finding(
        "clock",
        CLOCK,
        Outcome.FAILED if size >= SKEW_FAILED_SECONDS else Outcome.WARNING,
        f"比微信{'快' if skew_seconds > 0 else '慢'} {size} 秒",
        "打开服务器的时间同步（NTP）；相差 5 分钟时支付签名全部失效，通知也会被拒收",
    )


def _json(answer: requests.Response) -> dict[str, Any]:
    return shapes.an_object(answer.json())


def _said(answer: dict[str, Any]) -> str:
    message = str(answer.get("errmsg", "")).partition(" rid")[0][:80]
    return f"错误码 {answer.get('errcode')} {message}".strip()
