"""Credentials of the sandbox's one official account and one merchant.

They are random and live in DIR: `sandbox.json`, three PEM files and `mall.env`,
the environment with which the product talks to this sandbox.
"""

import base64
import json
import os
import random
import secrets
import string
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

MODES = ("plain", "compat", "safe")
MERCHANT_KEY = "merchant_key.pem"
PLATFORM_KEY = "wechatpay_key.pem"  # Never given to the product: WeChat signs with it.
PLATFORM_PUBLIC_KEY = "wechatpay_public_key.pem"

# Message templates the account "has" (模板消息), as its console would show them.
TEMPLATES = (
    ("订单支付成功通知", ("character_string1", "thing2", "amount3", "time4")),
    ("订单发货通知", ("character_string1", "thing2", "thing3", "time4")),
    ("佣金到账提醒", ("amount1", "thing2", "time3")),
    ("提现结果通知", ("amount1", "phrase2", "time3", "thing4")),
    ("新成员加入提醒", ("thing1", "time2")),
    ("退款成功通知", ("character_string1", "thing2", "amount3", "time4")),
    ("售后进度通知", ("character_string1", "thing2", "phrase3", "thing4")),
    ("会员等级变更通知", ("thing1", "phrase2", "time3", "thing4")),
)


@dataclass(frozen=True)
class Config:
    folder: str
    mall_url: str
    sandbox_url: str
    mode: str
    appid: str
    secret: str
    original_id: str
    token: str
    aes_key: str
    mchid: str
    apiv3_key: str
    merchant_serial: str
    public_key_id: str
    account_name: str
    merchant_name: str
    templates: list

    @cached_property
    def merchant_public_key(self):
        return _load_private(self.folder, MERCHANT_KEY).public_key()

    @cached_property
    def platform_key(self):
        return _load_private(self.folder, PLATFORM_KEY)

    @property
    def mall_host(self) -> str:
        return urlsplit(self.mall_url).netloc.lower()

    @property
    def callback_url(self) -> str:
        return f"{self.mall_url}/wechat/callback"


def _load_private(folder: str, name: str):
    data = (Path(folder) / name).read_bytes()
    return serialization.load_pem_private_key(data, None)


def load(folder) -> Config:
    folder = Path(folder).resolve()
    data = json.loads((folder / "sandbox.json").read_text("utf-8"))
    known = {f.name for f in fields(Config)}
    return Config(**{k: v for k, v in data.items() if k in known} | {"folder": str(folder)})


def init(folder, *, mall_url: str, sandbox_url: str, mode: str | None = None) -> Config:
    """Make the credentials, or keep those there are and renew addresses and mode."""
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sandbox.json"
    values = json.loads(path.read_text("utf-8")) if path.exists() else _random_values()
    values["mall_url"] = mall_url.rstrip("/")
    values["sandbox_url"] = sandbox_url.rstrip("/")
    values["mode"] = mode or values.get("mode") or "safe"
    if values["mode"] not in MODES:
        raise ValueError(f"mode must be one of {MODES}")
    _ensure_keys(folder)
    _write(path, json.dumps(values, ensure_ascii=False, indent=1) + "\n")
    config = load(folder)
    _write(folder / "mall.env", _environment(config))
    return config


def _digits(count: int) -> str:
    return "".join(secrets.choice(string.digits) for _ in range(count))


def _letters(count: int) -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(count))


def _random_values() -> dict:
    return {
        "appid": "wx" + secrets.token_hex(8),
        "secret": secrets.token_hex(16),
        "original_id": "gh_" + secrets.token_hex(6),
        "token": _letters(24),
        # 43 characters that decode to exactly 32 bytes, as WeChat's console makes them.
        "aes_key": base64.b64encode(os.urandom(32)).decode()[:43],
        "mchid": "16" + _digits(8),
        "apiv3_key": _letters(32),
        "merchant_serial": secrets.token_hex(20).upper(),
        "public_key_id": "PUB_KEY_ID_01" + _digits(32),
        "account_name": "沙箱商城",
        "merchant_name": "沙箱商城",
        "templates": [
            {"template_id": _template_id(title), "title": title, "keys": list(keys)}
            for title, keys in TEMPLATES
        ],
    }


def _template_id(title: str) -> str:
    # Ids follow from titles, so a demo's settings fit every sandbox.
    chosen = random.Random(title)  # noqa: S311 - an identifier, not a secret
    alphabet = string.ascii_letters + string.digits + "-_"
    return "".join(chosen.choice(alphabet) for _ in range(43))


def _ensure_keys(folder: Path) -> None:
    for name in (MERCHANT_KEY, PLATFORM_KEY):
        if not (folder / name).exists():
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            # wechatpayv3 reads PKCS#8 only.
            pem = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            _write(folder / name, pem.decode())
    public = (
        _load_private(str(folder), PLATFORM_KEY)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    _write(folder / PLATFORM_PUBLIC_KEY, public.decode())


def _write(path: Path, text: str) -> None:
    """Replace a file whole, readable by its owner only."""
    part = path.with_name(path.name + ".part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as out:
        out.write(text)
    part.replace(path)


def environment(config: Config) -> dict[str, str]:
    """The product's configuration names with this sandbox's values."""
    folder = Path(config.folder)
    return {
        "PUBLIC_BASE_URL": config.mall_url,
        "WECHAT_APP_ID": config.appid,
        "WECHAT_APP_SECRET": config.secret,
        "WECHAT_ORIGINAL_ID": config.original_id,
        "WECHAT_TOKEN": config.token,
        "WECHAT_AES_KEY": config.aes_key,
        "WECHAT_API_BASE": config.sandbox_url,
        "WECHAT_OPEN_BASE": config.sandbox_url,
        "WECHAT_MP_BASE": config.sandbox_url,
        "WECHAT_JSSDK_URL": f"{config.sandbox_url}/open/js/jweixin-1.6.0.js",
        "WXPAY_BASE": config.sandbox_url,
        "WXPAY_MCH_ID": config.mchid,
        "WXPAY_CERT_SERIAL": config.merchant_serial,
        "WXPAY_PRIVATE_KEY_FILE": str(folder / MERCHANT_KEY),
        "WXPAY_APIV3_KEY": config.apiv3_key,
        "WXPAY_PUBLIC_KEY_ID": config.public_key_id,
        "WXPAY_PUBLIC_KEY_FILE": str(folder / PLATFORM_PUBLIC_KEY),
        "WXPAY_NOTIFY_BASE": config.mall_url,
    }


def _environment(config: Config) -> str:
    return "".join(f"{name}={value}\n" for name, value in environment(config).items())


def as_public_dict(config: Config) -> dict:
    """What the control API may show: everything but the secrets."""
    hidden = {"secret", "token", "aes_key", "apiv3_key", "folder"}
    return {k: v for k, v in asdict(config).items() if k not in hidden}
