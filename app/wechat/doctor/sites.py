"""Our own addresses, as WeChat reaches them, and what its consoles must know of them."""

import re
import secrets
import time
from urllib.parse import urlsplit

from wechatpy.utils import WeChatSigner

from app.wechat import transport
from app.wechat.doctor.findings import Address, Finding, Outcome, Patient
from config import Config


def addresses(config: Config) -> list[Address]:
    """What the operator enters in WeChat's consoles, ready to be copied."""
    base = config.public_base_url
    host = urlsplit(base).netloc
    settings = "公众平台 > 设置与开发 > 公众号设置 > 功能设置"
    return [
        Address(
            "服务器地址（URL）",
            "公众平台 > 设置与开发 > 基本配置 > 服务器配置，消息加解密方式选安全模式",
            f"{base}/wechat/callback",
        ),
        Address("网页授权域名", settings, host),
        Address("JS接口安全域名", settings, host),
        Address("业务域名", settings, host),
        Address("JSAPI 支付授权目录", "商户平台 > 产品中心 > 开发配置", f"{base}/"),
    ]


def callback(patient: Patient) -> list[Finding]:
    config = patient.config
    url = f"{config.public_base_url}/wechat/callback"
    stamp, nonce = str(int(time.time())), secrets.token_hex(8)
    signer = WeChatSigner()
    signer.add_data(config.wechat_token, stamp, nonce)
    query = {"timestamp": stamp, "nonce": nonce, "echostr": secrets.token_hex(10)}
    session = transport.session()
    true = session.get(
        url, params={**query, "signature": str(signer.signature)}, allow_redirects=False
    )
    forged = session.get(url, params={**query, "signature": "0" * 40}, allow_redirects=False)
    is_echoed = true.status_code == 200 and true.text == query["echostr"]
    return [
        Finding("callback", CALLBACK, Outcome.OK, f"{url} 正确应答")
        if is_echoed
        else Finding(
            "callback",
            CALLBACK,
            Outcome.FAILED,
            f"{url} 答复 {true.status_code}，没有原样返回 echostr",
            "检查 PUBLIC_BASE_URL、Nginx 转发和跳转；这个地址不能有登录、跳转或防护页",
        ),
        Finding("callback_forged", _FORGED, Outcome.OK, "签名不对的请求被拒绝（403）")
        if forged.status_code == 403
        else Finding(
            "callback_forged",
            _FORGED,
            Outcome.FAILED,
            f"签名不对的请求得到 {forged.status_code}",
            "请求可能没有到达商城，或到了另一个程序：检查域名解析和 Nginx 转发",
        ),
    ]


CALLBACK, _FORGED = "服务器地址（回调）", "拒绝伪造的回调"


def domain(patient: Patient) -> list[Finding]:
    parts = urlsplit(patient.config.public_base_url)
    title = "网页授权域名、JS接口安全域名"
    if patient.config.uses_sandbox:
        return [Finding("domain", title, Outcome.SKIPPED, f"{patient.host}：沙箱不检查域名")]
    is_bare = (
        parts.scheme == "https"
        and parts.port is None
        and not parts.path.strip("/")
        and "." in (parts.hostname or "")
        and not re.fullmatch(r"[0-9.]+|\[.*\]", parts.netloc)
    )
    if not is_bare:
        return [
            Finding(
                "domain",
                title,
                Outcome.FAILED,
                f"PUBLIC_BASE_URL 是 {patient.config.public_base_url}",
                "须为 https:// 加已备案的域名，不带端口和路径，也不能是 IP",
            )
        ]
    return [
        Finding(
            "domain",
            title,
            Outcome.OK,
            f"{patient.host}：公众平台里的两处须与它完全一致，填错时授权页显示 10003",
        )
    ]


def verify_file(patient: Patient) -> list[Finding]:
    title, text = "域名验证文件", patient.verify_text
    if not text:
        if patient.config.uses_sandbox:
            return [Finding("verify_file", title, Outcome.SKIPPED, "没有上传：沙箱不要求")]
        return [
            Finding(
                "verify_file",
                title,
                Outcome.WARNING,
                "还没有上传 MP_verify 文件",
                "在公众平台设置域名时下载，到后台 公众号 > 连接检查 上传；已通过验证的域名不受影响",
            )
        ]
    url = f"{patient.config.public_base_url}/MP_verify_{text}.txt"
    answer = transport.session().get(url, allow_redirects=False)
    is_served = (
        answer.status_code == 200
        and answer.text == text
        and answer.headers.get("Content-Type", "").startswith("text/plain")
    )
    if is_served:
        return [Finding("verify_file", title, Outcome.OK, f"{url} 可以访问")]
    return [
        Finding(
            "verify_file",
            title,
            Outcome.FAILED,
            f"{url} 答复 {answer.status_code}，内容不是文件里的文字",
            "检查 Nginx：这个地址要转到商城，不能有跳转、登录或防护页",
        )
    ]
