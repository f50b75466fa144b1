"""The connection check (连接检查): what stands between this server and WeChat.

Every check is independent, has its own few seconds, and says what to do when it
fails; whatever is found is safe to show, for no secret is in it. wechat.md,
sections 1, 2, 8 and 12, and the step-by-step list of the README.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import requests
import structlog

from app.wechat import transport
from app.wechat.doctor import account, payment, sites
from app.wechat.doctor.findings import Address, Finding, Outcome, Patient
from app.wechat.doctor.sites import addresses
from config import Config

__all__ = ["Address", "Finding", "Outcome", "addresses", "examine"]

# One check; and all of them together, which run side by side.
CHECK_SECONDS = 8.0
ALL_SECONDS = 18.0

log = structlog.get_logger()


def examine(config: Config, *, verify_text: str) -> list[Finding]:
    """Run every check, side by side; never raises, ends within `ALL_SECONDS`."""
    patient = Patient(config, verify_text)
    pool = ThreadPoolExecutor(len(_CHECKS), thread_name_prefix="doctor")
    running = [pool.submit(_safely, check, patient) for check in _CHECKS]
    wait(running, timeout=ALL_SECONDS)
    # A name server may keep a call longer than any deadline of ours.
    pool.shutdown(wait=False, cancel_futures=True)
    return [
        finding
        for check, future in zip(_CHECKS, running, strict=True)
        for finding in (future.result() if future.done() else [_too_slow(check)])
    ]


Check = Callable[[Patient], list[Finding]]
# What each check is called while it has nothing to say for itself.
_NAMES: dict[Check, tuple[str, str, str]] = {
    account.configuration: ("config", "公众号配置", ""),
    account.api: ("token", account.TOKEN, "wechat_api_base"),
    sites.callback: ("callback", sites.CALLBACK, "public_base_url"),
    sites.domain: ("domain", "网页授权域名、JS接口安全域名", ""),
    sites.verify_file: ("verify_file", "域名验证文件", "public_base_url"),
    payment.directory: ("pay_directory", "支付授权目录", ""),
    payment.notify_address: ("notify", "支付通知地址", ""),
    payment.keys: ("pay_keys", "支付密钥", ""),
    payment.call: ("pay_api", "支付接口与签名", "wxpay_base"),
    account.clock: ("clock", account.CLOCK, "wechat_api_base"),
}
_CHECKS = list(_NAMES)


def _safely(check: Check, patient: Patient) -> list[Finding]:
    code, title, asked = _NAMES[check]
    where = getattr(patient.config, asked) if asked else ""
    try:
        with transport.deadline(CHECK_SECONDS):
            return check(patient)
    except requests.RequestException as error:
        late = isinstance(error, requests.Timeout) or "timed out" in str(error).lower()
        seen = f"{where} {'没有及时答复' if late else '连接不上'}"
        advice = f"检查服务器能否访问 {where}：域名解析、防火墙、出口代理"
        if asked == "public_base_url":
            advice += "；只有本机访问不到自己的公网地址时，请从外网再试一次"
        return [Finding(code, title, Outcome.FAILED, seen, advice)]
    except ValueError:
        seen, advice = f"{where} 的答复读不懂", "答复可能来自代理或防火墙的提示页：检查出口"
        return [Finding(code, title, Outcome.FAILED, seen, advice)]
    except Exception as error:
        log.exception("check_failed", check=code)
        name = type(error).__name__
        return [Finding(code, title, Outcome.FAILED, f"检查本身出错（{name}）", "请查看日志")]


def _too_slow(check: Check) -> Finding:
    code, title, _ = _NAMES[check]
    seen = f"{ALL_SECONDS:.0f} 秒内没有完成"
    return Finding(code, title, Outcome.FAILED, seen, "检查域名解析（DNS）是否正常")
