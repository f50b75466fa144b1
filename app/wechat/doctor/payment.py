"""WeChat Pay: directory, notices, keys, and a signed question."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

from app.wechat import pay
from app.wechat.doctor.findings import Finding, Outcome, Patient
from config import Config


def directory(patient: Patient) -> list[Finding]:
    value = f"{patient.config.public_base_url}/"
    title = "支付授权目录"
    if patient.config.uses_sandbox:
        return [Finding("pay_directory", title, Outcome.SKIPPED, f"{value}：沙箱不检查")]
    if not value.startswith("https://"):
        return [
            Finding(
                "pay_directory",
                title,
                Outcome.FAILED,
                f"{value} 不是 https",
                "PUBLIC_BASE_URL 改为 https 地址，否则不能调起支付",
            )
        ]
    return [
        Finding(
            "pay_directory",
            title,
            Outcome.OK,
            f"商户平台 > 产品中心 > 开发配置里须有 {value}（末尾带 /），约 5 分钟生效",
        )
    ]


def notify_address(patient: Patient) -> list[Finding]:
    base, title = patient.config.wxpay_notify_base, "支付通知地址"
    parts = urlsplit(base)
    if parts.query or parts.fragment or not parts.netloc:
        is_right = False
    elif parts.scheme == "https":
        is_right = True
    elif patient.config.uses_sandbox:
        return [Finding("notify", title, Outcome.SKIPPED, f"{base}：沙箱接受 http")]
    else:
        is_right = False
    if is_right:
        return [Finding("notify", title, Outcome.OK, f"{base}/wechat/pay/notify")]
    return [
        Finding(
            "notify",
            title,
            Outcome.FAILED,
            f"WXPAY_NOTIFY_BASE 是 {base}",
            "须为 https 地址，不带参数；留空则用 PUBLIC_BASE_URL",
        )
    ]


def keys(patient: Patient) -> list[Finding]:
    config = patient.config
    wrong = [
        says
        for is_right, says in (
            (re.fullmatch(r"[0-9]{8,10}", config.wxpay_mch_id), "WXPAY_MCH_ID 应为 8 至 10 位数字"),
            (
                re.fullmatch(r"[0-9A-F]{40}", config.wxpay_cert_serial),
                "WXPAY_CERT_SERIAL 应为 40 位大写十六进制",
            ),
            (len(config.wxpay_apiv3_key.encode()) == 32, "WXPAY_APIV3_KEY 应为 32 位"),
            (
                re.fullmatch(r"PUB_KEY_ID_[0-9]{20,40}", config.wxpay_public_key_id),
                "WXPAY_PUBLIC_KEY_ID 应以 PUB_KEY_ID_ 开头",
            ),
            (
                _is_private_key(config.wxpay_private_key_file),
                "WXPAY_PRIVATE_KEY_FILE 读不到，或不是 PKCS#8 的 RSA 私钥（BEGIN PRIVATE KEY）",
            ),
            (
                _is_public_key(config.wxpay_public_key_file),
                "WXPAY_PUBLIC_KEY_FILE 读不到，或不是微信支付公钥（BEGIN PUBLIC KEY）",
            ),
        )
        if not is_right
    ]
    title = "支付密钥"
    if wrong:
        return [
            Finding(
                "pay_keys",
                title,
                Outcome.FAILED,
                "；".join(wrong),
                "到商户平台 > 账户中心 > API安全核对；私钥是 apiclient_key.pem，"
                "公钥是下载的 pub_key.pem，文件须能被本服务读取",
            )
        ]
    return [
        Finding("pay_keys", title, Outcome.OK, f"商户号 {config.wxpay_mch_id}，密钥和文件格式正确")
    ]


def _is_private_key(path: str) -> bool:
    try:
        pem = Path(path).read_bytes()
        key = load_pem_private_key(pem, None)
    except (OSError, ValueError, TypeError):
        return False
    return b"-----BEGIN PRIVATE KEY-----" in pem and isinstance(key, RSAPrivateKey)


def _is_public_key(path: str) -> bool:
    try:
        return isinstance(load_pem_public_key(Path(path).read_bytes()), RSAPublicKey)
    except (OSError, ValueError):
        return False


_PAY_ADVICE = {
    "SIGN_ERROR": "核对 WXPAY_CERT_SERIAL 与私钥属于同一张商户API证书、商户号正确、服务器时间准确",
    "NO_AUTH": "商户号没有 JSAPI 支付的权限：到商户平台 > 产品中心开通",
    "PARAM_ERROR": "核对 WXPAY_MCH_ID 与 WXPAY_PUBLIC_KEY_ID",
    "FREQUENCY_LIMITED": "调用太频繁：几分钟后再试",
}


def call(patient: Patient) -> list[Finding]:
    title, answered = "支付接口与签名", "支付应答的签名"
    try:
        adapter = pay.from_config(patient.config)
    except Exception as error:  # The library says so with a bare Exception.
        return [
            Finding("pay_api", title, Outcome.SKIPPED, f"密钥不能用（{type(error).__name__}）"),
            Finding("pay_signature", answered, Outcome.SKIPPED, "没有答复，无法检查"),
        ]
    probed = adapter.probe()
    if not probed.answer.is_unknown_number:
        code = probed.answer.code
        said = str(probed.answer.data.get("message", ""))[:80]
        return [
            Finding(
                "pay_api",
                title,
                Outcome.FAILED,
                f"状态 {probed.answer.status} {code} {said}".strip(),
                _PAY_ADVICE.get(code, "按错误码到微信支付的文档里查原因"),
            ),
            Finding("pay_signature", answered, Outcome.SKIPPED, "查询没有成功，无法检查"),
        ]
    good = Finding("pay_api", title, Outcome.OK, "查询一个不存在的订单，微信支付正确答复")
    return [good, _answer_signature(answered, probed, patient.config)]


def _answer_signature(title: str, probed: pay.Probed, config: Config) -> Finding:
    advice = "到商户平台 > 账户中心 > API安全下载微信支付公钥，公钥和公钥ID要一起更换"
    if not probed.serial:
        return Finding("pay_signature", title, Outcome.WARNING, "微信支付没有给答复签名", advice)
    if probed.serial != config.wxpay_public_key_id:
        seen = f"微信支付用 {probed.serial} 签名，不是 WXPAY_PUBLIC_KEY_ID"
        return Finding("pay_signature", title, Outcome.FAILED, seen, advice)
    if not probed.is_verified:
        seen = "用 WXPAY_PUBLIC_KEY_FILE 验证答复的签名没有通过"
        return Finding("pay_signature", title, Outcome.FAILED, seen, advice)
    return Finding("pay_signature", title, Outcome.OK, "用微信支付公钥验证通过")
