"""Configuration from the environment; `.env` is read in development.

Every name is described in `.env.example`. `load` refuses to build a production
configuration that is incomplete, carries sample secrets, runs in debug or points
at anything but WeChat itself: a shop must not start that way.
"""

import base64
import binascii
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from app.core.mail import Smtp

ROOT = Path(__file__).resolve().parent

OFFICIAL = {
    "WECHAT_API_BASE": "https://api.weixin.qq.com",
    "WECHAT_OPEN_BASE": "https://open.weixin.qq.com",
    "WECHAT_MP_BASE": "https://mp.weixin.qq.com",
    "WXPAY_BASE": "https://api.mch.weixin.qq.com",
    "WECHAT_JSSDK_URL": "https://res.wx.qq.com/open/js/jweixin-1.6.0.js",
}
# WeChat Pay's second entrance, for when the first one is out of reach.
ALSO_OFFICIAL = {("WXPAY_BASE", "https://api2.mch.weixin.qq.com")}

SECRETS = ("SECRET_KEY", "DATA_KEYS", "WECHAT_APP_SECRET", "WECHAT_TOKEN", "WXPAY_APIV3_KEY")
NEEDED = (
    *SECRETS,
    "DATABASE_URL",
    "PUBLIC_BASE_URL",
    "WECHAT_APP_ID",
    "WECHAT_ORIGINAL_ID",
    "WECHAT_AES_KEY",
    "WXPAY_MCH_ID",
    "WXPAY_CERT_SERIAL",
    "WXPAY_PRIVATE_KEY_FILE",
    "WXPAY_PUBLIC_KEY_ID",
    "WXPAY_PUBLIC_KEY_FILE",
)
# Shortest length of each secret that somebody chose or copied.
SHORTEST = {
    "SECRET_KEY": 32,
    "WECHAT_APP_SECRET": 32,
    "WECHAT_TOKEN": 16,
    "WXPAY_APIV3_KEY": 32,
    "WECHAT_AES_KEY": 43,
}
# How mail is sent, with the usual port of each way.
LOCAL = ("127.0.0.1", "::1", "localhost")
SMTP_PORTS = {"ssl": "465", "starttls": "587", "none": "25"}
_SAMPLE = re.compile(
    r"change.?me|example|sample|secret|password|your[-_]|x{8}|^(.)\1*$", re.IGNORECASE
)


class ConfigError(Exception):
    """What is wrong with the environment, one sentence a line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Config:
    """What the program was told; names are those of `.env.example` in lower case."""

    app_env: str
    secret_key: str
    data_keys: str
    database_url: str
    redis_url: str
    public_base_url: str
    data_dir: Path
    # None: the panel does not know where backups are.
    backup_dir: Path | None
    log_level: str
    trusted_proxies: int
    distribution_hard_cap: int
    compliance_allow_team_bonus: bool
    compliance_allow_paid_joining: bool
    poster_font: str
    smtp_host: str
    smtp_port: int
    smtp_security: str
    smtp_user: str
    smtp_password: str = field(repr=False)
    smtp_from: str
    hook_test_origin: str
    wechat_app_id: str
    wechat_app_secret: str
    wechat_original_id: str
    wechat_token: str
    wechat_aes_key: str
    wechat_api_base: str
    wechat_open_base: str
    wechat_mp_base: str
    wechat_jssdk_url: str
    wxpay_base: str
    wxpay_mch_id: str
    wxpay_cert_serial: str
    wxpay_private_key_file: str
    wxpay_apiv3_key: str
    wxpay_public_key_id: str
    wxpay_public_key_file: str
    wxpay_notify_base: str

    @property
    def smtp(self) -> Smtp:
        """Where mail is handed over; without a host nowhere."""
        return Smtp(
            self.smtp_host,
            self.smtp_port,
            self.smtp_security,
            self.smtp_user,
            self.smtp_password,
            self.smtp_from,
        )

    @property
    def is_production(self) -> bool:
        return self.app_env == "production"

    @property
    def uses_sandbox(self) -> bool:
        """Whether pages are shown inside the sandbox's phone, not in WeChat."""
        return self.wechat_open_base != OFFICIAL["WECHAT_OPEN_BASE"]


def from_environment() -> Config:
    """The configuration of this process. Raises ConfigError."""
    given: dict[str, str] = {}
    if os.environ.get("APP_ENV", "development") == "development":
        given = {k: v for k, v in dotenv_values(ROOT / ".env").items() if v}
    return load({**given, **os.environ})


def load(env: Mapping[str, str]) -> Config:
    """Build a configuration from these names. Raises ConfigError."""

    def text(name: str, default: str = "") -> str:
        return env.get(name, "").strip() or default

    problems: list[str] = []
    app_env = text("APP_ENV", "development")
    if app_env not in ("development", "test", "production"):
        problems.append("APP_ENV must be development, test or production")
    hard_cap = text("DISTRIBUTION_HARD_CAP", "2")
    if hard_cap not in ("1", "2", "3"):
        problems.append("DISTRIBUTION_HARD_CAP must be 1, 2 or 3")
        hard_cap = "2"
    team_bonus = text("COMPLIANCE_ALLOW_TEAM_BONUS", "0")
    if team_bonus not in ("0", "1"):
        problems.append("COMPLIANCE_ALLOW_TEAM_BONUS must be 0 or 1")
    paid_joining = text("COMPLIANCE_ALLOW_PAID_JOINING", "0")
    if paid_joining not in ("0", "1"):
        problems.append("COMPLIANCE_ALLOW_PAID_JOINING must be 0 or 1")
    proxies = text("TRUSTED_PROXIES", "0")
    if not proxies.isdecimal():
        problems.append("TRUSTED_PROXIES must be a number of proxies")
        proxies = "0"
    public = text("PUBLIC_BASE_URL", "http://127.0.0.1:8000").rstrip("/")
    config = Config(
        app_env=app_env,
        secret_key=text("SECRET_KEY"),
        data_keys=text("DATA_KEYS"),
        database_url=text("DATABASE_URL", f"sqlite:///{ROOT / 'instance' / 'mall.db'}"),
        redis_url=text("REDIS_URL"),
        public_base_url=public,
        data_dir=Path(text("DATA_DIR", str(ROOT / "instance" / "data"))),
        backup_dir=Path(folder) if (folder := text("BACKUP_DIR")) else None,
        log_level=text("LOG_LEVEL", "INFO"),
        trusted_proxies=int(proxies),
        distribution_hard_cap=int(hard_cap),
        compliance_allow_team_bonus=team_bonus == "1",
        compliance_allow_paid_joining=paid_joining == "1",
        poster_font=text("POSTER_FONT"),
        **_smtp(text, problems),
        smtp_user=text("SMTP_USER"),
        smtp_password=text("SMTP_PASSWORD"),
        hook_test_origin=text("HOOK_TEST_ORIGIN").rstrip("/"),
        wechat_app_id=text("WECHAT_APP_ID"),
        wechat_app_secret=text("WECHAT_APP_SECRET"),
        wechat_original_id=text("WECHAT_ORIGINAL_ID"),
        wechat_token=text("WECHAT_TOKEN"),
        wechat_aes_key=text("WECHAT_AES_KEY"),
        wechat_api_base=text("WECHAT_API_BASE", OFFICIAL["WECHAT_API_BASE"]).rstrip("/"),
        wechat_open_base=text("WECHAT_OPEN_BASE", OFFICIAL["WECHAT_OPEN_BASE"]).rstrip("/"),
        wechat_mp_base=text("WECHAT_MP_BASE", OFFICIAL["WECHAT_MP_BASE"]).rstrip("/"),
        wechat_jssdk_url=text("WECHAT_JSSDK_URL", OFFICIAL["WECHAT_JSSDK_URL"]),
        wxpay_base=text("WXPAY_BASE", OFFICIAL["WXPAY_BASE"]).rstrip("/"),
        wxpay_mch_id=text("WXPAY_MCH_ID"),
        wxpay_cert_serial=text("WXPAY_CERT_SERIAL"),
        wxpay_private_key_file=text("WXPAY_PRIVATE_KEY_FILE"),
        wxpay_apiv3_key=text("WXPAY_APIV3_KEY"),
        wxpay_public_key_id=text("WXPAY_PUBLIC_KEY_ID"),
        wxpay_public_key_file=text("WXPAY_PUBLIC_KEY_FILE"),
        wxpay_notify_base=text("WXPAY_NOTIFY_BASE", public).rstrip("/"),
    )
    if not config.secret_key:
        problems.append("SECRET_KEY is missing: scripts/run makes one, or use a random string")
    problems += _data_keys_problems(config.data_keys)
    if config.is_production:
        problems += _production_problems(env, config)
    if problems:
        raise ConfigError(problems)
    return config


def _smtp(text: Callable[..., str], problems: list[str]) -> dict[str, Any]:
    security = text("SMTP_SECURITY", "ssl")
    if security not in SMTP_PORTS:
        problems.append("SMTP_SECURITY must be ssl, starttls or none")
        security = "ssl"
    port = text("SMTP_PORT", SMTP_PORTS[security])
    if not port.isdecimal():
        problems.append("SMTP_PORT must be a number")
        port = "0"
    host, sender = text("SMTP_HOST"), text("SMTP_FROM")
    if host and not sender:
        problems.append("SMTP_FROM is missing: the address that mail comes from")
    return {
        "smtp_host": host,
        "smtp_port": int(port),
        "smtp_security": security,
        "smtp_from": sender,
    }


def _data_keys_problems(listed: str) -> list[str]:
    if not listed:
        return ["DATA_KEYS is missing: id:base64 of 32 random bytes"]
    for item in listed.split(","):
        key_id, _, encoded = item.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not key_id or len(key) != 32:
            return ["DATA_KEYS wants id:base64 with 32 bytes a key, comma separated"]
    return []


def _production_problems(env: Mapping[str, str], config: Config) -> list[str]:
    problems = [f"{name} is missing" for name in NEEDED if not env.get(name, "").strip()]
    for name, least in SHORTEST.items():
        value = env.get(name, "").strip()
        if value and len(value) < least:
            problems.append(f"{name} is shorter than {least} characters")
    problems += [
        f"{name} looks like a sample, not a secret"
        for name in SECRETS
        if _SAMPLE.search(env.get(name, "").strip())
    ]
    for name, official in OFFICIAL.items():
        given = env.get(name, "").strip().rstrip("/")
        if given and given != official and (name, given) not in ALSO_OFFICIAL:
            problems.append(f"{name} must be {official} in production, not {given}")
    problems += [
        f"{name} must begin with https:// in production"
        for name, value in (
            ("PUBLIC_BASE_URL", config.public_base_url),
            ("WXPAY_NOTIFY_BASE", config.wxpay_notify_base),
        )
        if not value.startswith("https://")
    ]
    if env.get("FLASK_DEBUG", "").strip() not in ("", "0"):
        problems.append("FLASK_DEBUG must not be set in production")
    if config.smtp_host and config.smtp_security == "none" and config.smtp_host not in LOCAL:
        problems.append("SMTP_SECURITY must not be none in production but on this host")
    if config.hook_test_origin:
        problems.append("HOOK_TEST_ORIGIN must not be set in production")
    if config.log_level.upper() == "DEBUG":
        # urllib3 would log access tokens at this level.
        problems.append("LOG_LEVEL must not be DEBUG in production")
    for name in ("WXPAY_PRIVATE_KEY_FILE", "WXPAY_PUBLIC_KEY_FILE"):
        path = env.get(name, "").strip()
        if path and not Path(path).is_file():
            problems.append(f"{name} names no file")
    return problems
