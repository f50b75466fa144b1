"""The connection check against the sandbox: all is well, and each thing that may not be."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from app.core import clock
from app.wechat import doctor, transport
from app.wechat.doctor import Finding, Outcome, account, findings, sites
from app.wechat.transport import Limits
from config import Config
from tests.stack import Stack

pytestmark = pytest.mark.engine_free

OK, WARNING, FAILED, SKIPPED = Outcome.OK, Outcome.WARNING, Outcome.FAILED, Outcome.SKIPPED


def config_of(stack: Stack) -> Config:
    found: Config = stack.app.extensions["mall_config"]
    return found


def examine(config: Config, *, verify_text: str = "") -> dict[str, Finding]:
    return {f.code: f for f in doctor.examine(config, verify_text=verify_text)}


def outcomes(config: Config) -> dict[str, Outcome]:
    return {code: finding.outcome for code, finding in examine(config).items()}


def test_all_is_well_with_the_sandbox(stack: Stack):
    found = outcomes(config_of(stack))

    assert found == {
        "config": OK,
        "token": OK,
        "allow_list": OK,
        "api": OK,
        "callback": OK,
        "callback_forged": OK,
        "domain": SKIPPED,
        "verify_file": SKIPPED,
        "pay_directory": SKIPPED,
        "notify": SKIPPED,
        "pay_keys": OK,
        "pay_api": OK,
        "pay_signature": OK,
        "clock": OK,
    }


def test_nothing_that_is_found_holds_a_secret(stack: Stack):
    config = config_of(stack)

    said = repr(doctor.examine(config, verify_text=""))
    broken = replace(config, wechat_app_secret="s3cr3t-value", wxpay_apiv3_key="another-s3cr3t")
    said += repr(doctor.examine(broken, verify_text=""))

    for secret in (
        config.wechat_app_secret,
        config.wechat_token,
        config.wechat_aes_key,
        config.wxpay_apiv3_key,
        "s3cr3t",
    ):
        assert secret not in said


def test_whatever_failed_says_what_to_do(stack: Stack):
    stack.control("/faults", target="/cgi-bin/*", kind="status", status=500, times="forever")
    broken = replace(config_of(stack), wechat_app_id="x", wxpay_mch_id="1", wechat_token="?")

    found = doctor.examine(broken, verify_text="AbCd1234EfGh5678")

    failed = [f for f in found if f.outcome in (FAILED, WARNING)]
    assert len(failed) >= 5
    assert [f.code for f in failed if not (f.seen and f.advice)] == []


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("wechat_app_id", "wx12", "WECHAT_APP_ID"),
        ("wechat_app_secret", "short", "WECHAT_APP_SECRET"),
        ("wechat_original_id", "mall", "WECHAT_ORIGINAL_ID"),
        ("wechat_token", "with space", "WECHAT_TOKEN"),
        ("wechat_aes_key", "a" * 42, "WECHAT_AES_KEY"),
        ("wechat_aes_key", "!" * 43, "WECHAT_AES_KEY"),
    ],
)
def test_a_setting_of_another_form_is_named(stack: Stack, field, value, says):
    found = examine(replace(config_of(stack), **{field: value}))["config"]

    assert found.outcome is FAILED
    assert found.seen.startswith(says)


@pytest.mark.parametrize(
    ("field", "value", "advice"),
    [
        ("wechat_app_id", "wx" + "0" * 16, "AppID 不正确"),
        ("wechat_app_secret", "0" * 32, "AppSecret 不正确"),
    ],
)
def test_a_wrong_id_or_secret_is_explained(stack: Stack, field, value, advice):
    found = examine(replace(config_of(stack), **{field: value}))

    assert found["token"].outcome is FAILED
    assert found["token"].advice.startswith(advice)
    assert (found["allow_list"].outcome, found["api"].outcome) == (SKIPPED, SKIPPED)


@pytest.mark.parametrize("target", ["stable_token", "getcallbackip"])
def test_an_address_that_is_not_on_the_list_is_shown(stack: Stack, target):
    stack.control(
        "/faults",
        target=f"/cgi-bin/{target}",
        kind="errcode",
        errcode=40164,
        errmsg="invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: 1-2",
        times="forever",
    )

    found = examine(config_of(stack))["allow_list"]

    assert found.outcome is FAILED
    assert found.seen == "微信看到的地址 203.0.113.7 不在白名单里"
    assert "加入 203.0.113.7" in found.advice


def test_a_token_that_is_refused_at_once_is_told_apart(stack: Stack):
    stack.control(
        "/faults", target="/cgi-bin/getcallbackip", kind="errcode", errcode=40001, times="forever"
    )

    found = examine(config_of(stack))

    assert (found["token"].outcome, found["api"].outcome) == (OK, FAILED)
    assert "同一个 AppSecret" in found["api"].advice


def test_a_callback_with_another_token_fails(stack: Stack):
    found = examine(replace(config_of(stack), wechat_token="another0token0here"))

    assert found["callback"].outcome is FAILED
    assert found["callback_forged"].outcome is OK


def test_a_site_that_says_yes_to_everything_fails(stack: Stack):
    # The sandbox has no such address: it answers 404 to both.
    found = examine(replace(config_of(stack), public_base_url=stack.sandbox_url))

    assert (found["callback"].outcome, found["callback_forged"].outcome) == (FAILED, FAILED)
    assert "404" in found["callback_forged"].seen


def test_a_verify_file_that_is_not_served_fails(stack: Stack):
    found = examine(config_of(stack), verify_text="AbCd1234EfGh5678")["verify_file"]

    assert found.outcome is FAILED
    assert found.seen.startswith(f"{stack.url}/MP_verify_AbCd1234EfGh5678.txt 答复 404")


# --- what can be said without asking anybody -----------------------------------------------


def production(config: Config, **changed: str) -> findings.Patient:
    real = replace(
        config,
        wechat_open_base="https://open.weixin.qq.com",
        public_base_url="https://mall.example.com",
        wxpay_notify_base="https://mall.example.com",
    )
    return findings.Patient(replace(real, **changed), "")


@pytest.fixture
def config(app) -> Config:
    found: Config = app.extensions["mall_config"]
    return found


def test_a_bare_https_host_is_right(config: Config):
    (found,) = sites.domain(production(config))

    assert found.outcome is OK
    assert found.seen.startswith("mall.example.com：")


@pytest.mark.parametrize(
    "base",
    [
        "http://mall.example.com",
        "https://mall.example.com:8443",
        "https://mall.example.com/shop",
        "https://203.0.113.7",
        "https://localhost",
    ],
)
def test_any_other_base_is_no_domain_for_wechat(config: Config, base: str):
    (found,) = sites.domain(production(config, public_base_url=base))

    assert found.outcome is FAILED
    assert base in found.seen


def test_a_missing_verify_file_is_a_warning_in_production(config: Config):
    (found,) = sites.verify_file(production(config))

    assert found.outcome is WARNING


def test_what_is_entered_in_the_consoles_ends_as_they_want_it(config: Config):
    listed = {a.title: a.value for a in doctor.addresses(production(config).config)}

    assert listed == {
        "服务器地址（URL）": "https://mall.example.com/wechat/callback",
        "网页授权域名": "mall.example.com",
        "JS接口安全域名": "mall.example.com",
        "业务域名": "mall.example.com",
        "JSAPI 支付授权目录": "https://mall.example.com/",
    }


def test_pay_wants_https_in_production(config: Config):
    good = production(config)
    bad = production(
        config, public_base_url="http://mall.example.com", wxpay_notify_base="http://x.example"
    )
    query = production(config, wxpay_notify_base="https://mall.example.com?a=1")
    payment = doctor.payment

    assert [payment.directory(p)[0].outcome for p in (good, bad)] == [OK, FAILED]
    assert [payment.notify_address(p)[0].outcome for p in (good, bad, query)] == [
        OK,
        FAILED,
        FAILED,
    ]


@pytest.mark.parametrize(
    ("seconds", "outcome", "seen"),
    [
        (0.4, OK, "与微信相差 0 秒"),
        (59, OK, "与微信相差 59 秒"),
        (60, WARNING, "比微信快 60 秒"),
        (-299, WARNING, "比微信慢 299 秒"),
        (-300, FAILED, "比微信慢 300 秒"),
        (4000, FAILED, "比微信快 4000 秒"),
    ],
)
def test_the_clock(seconds, outcome, seen):
    found = account.clock_finding(seconds)

    assert (found.outcome, found.seen) == (outcome, seen)


def test_a_clock_that_is_wrong_is_seen_in_wechats_answer(stack: Stack):
    theirs = clock.now().replace(microsecond=0)
    ahead = theirs + timedelta(seconds=400)
    patient = findings.Patient(config_of(stack), "")
    stamp = theirs.strftime("%a, %d %b %Y %H:%M:%S GMT")

    class Session:
        def get(self, _url: str) -> object:
            return type("Answer", (), {"headers": {"Date": stamp}})()

    with pytest.MonkeyPatch.context() as patch, time_machine.travel(ahead, tick=False):
        patch.setattr(account.transport, "session", Session)
        (found,) = account.clock(patient)

    assert (found.outcome, found.seen) == (FAILED, "比微信快 400 秒")


# --- keys ----------------------------------------------------------------------------


def pem(tmp_path: Path, form: serialization.PrivateFormat) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = tmp_path / "key.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    )
    return str(path)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("wxpay_mch_id", "mch", "WXPAY_MCH_ID"),
        ("wxpay_cert_serial", "12ab", "WXPAY_CERT_SERIAL"),
        ("wxpay_apiv3_key", "k" * 31, "WXPAY_APIV3_KEY"),
        ("wxpay_public_key_id", "12ab", "WXPAY_PUBLIC_KEY_ID"),
        ("wxpay_private_key_file", "/nowhere/key.pem", "WXPAY_PRIVATE_KEY_FILE"),
        ("wxpay_public_key_file", "/nowhere/key.pem", "WXPAY_PUBLIC_KEY_FILE"),
    ],
)
def test_a_key_of_another_form_is_named(config: Config, field, value, says):
    patient = findings.Patient(replace(config, **{field: value}), "")

    (found,) = doctor.payment.keys(patient)

    assert found.outcome is FAILED
    assert found.seen.startswith(says)


def test_an_old_form_of_the_private_key_is_named(config: Config, tmp_path: Path):
    path = pem(tmp_path, serialization.PrivateFormat.TraditionalOpenSSL)

    (found,) = doctor.payment.keys(
        findings.Patient(replace(config, wxpay_private_key_file=path), "")
    )

    assert found.seen.startswith("WXPAY_PRIVATE_KEY_FILE")


def test_another_merchants_key_is_refused_by_wechat(stack: Stack, tmp_path: Path):
    path = pem(tmp_path, serialization.PrivateFormat.PKCS8)

    found = examine(replace(config_of(stack), wxpay_private_key_file=path))

    assert (found["pay_keys"].outcome, found["pay_api"].outcome) == (OK, FAILED)
    assert "SIGN_ERROR" in found["pay_api"].seen
    assert "WXPAY_CERT_SERIAL" in found["pay_api"].advice
    assert found["pay_signature"].outcome is SKIPPED


def test_an_unreadable_key_stops_only_the_call(stack: Stack):
    found = examine(replace(config_of(stack), wxpay_private_key_file="/nowhere/key.pem"))

    assert found["pay_keys"].outcome is FAILED
    assert (found["pay_api"].outcome, found["pay_signature"].outcome) == (SKIPPED, SKIPPED)
    assert found["token"].outcome is OK


def test_an_answer_that_wechat_did_not_sign_fails(stack: Stack):
    stack.control("/faults", target="/v3/*", kind="bad_signature")

    found = examine(config_of(stack))

    assert (found["pay_api"].outcome, found["pay_signature"].outcome) == (OK, FAILED)


def test_another_public_key_does_not_verify(stack: Stack, tmp_path: Path):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    path = tmp_path / "pub.pem"
    path.write_bytes(
        key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )

    found = examine(replace(config_of(stack), wxpay_public_key_file=str(path)))

    assert found["pay_signature"].outcome is FAILED
    assert "WXPAY_PUBLIC_KEY_FILE" in found["pay_signature"].seen


# --- WeChat is not there ---------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "hang", "seconds": 30},
        {"kind": "slow_drip", "seconds": 0.3},
        {"kind": "html"},
        {"kind": "drop"},
        {"kind": "wrong_type", "value": [1]},
    ],
)
def test_a_broken_wechat_fails_its_checks_and_no_others(stack: Stack, monkeypatch, fault):
    monkeypatch.setattr(transport, "LIMITS", Limits(connect=1, read=1, total=2))
    monkeypatch.setattr(doctor, "CHECK_SECONDS", 2)
    for target in ("/cgi-bin/*", "/v3/*"):
        stack.control("/faults", target=target, times="forever", **fault)

    found = outcomes(config_of(stack))

    assert (found["token"], found["pay_api"]) == (FAILED, FAILED)
    assert (found["config"], found["callback"], found["pay_keys"]) == (OK, OK, OK)
    stack.control_delete("/faults")


def test_a_dead_wechat_is_out_of_reach(stack: Stack):
    dead = replace(
        config_of(stack), wechat_api_base="http://127.0.0.1:1", wxpay_base="http://127.0.0.1:1"
    )

    found = examine(dead)

    assert found["token"].seen == "http://127.0.0.1:1 连接不上"
    assert found["clock"].outcome is FAILED
    assert found["callback"].outcome is OK


def test_a_check_that_never_ends_does_not_stop_the_others(stack: Stack, monkeypatch):
    import threading

    ended = threading.Event()

    def endless(_patient: findings.Patient) -> list[Finding]:
        ended.wait(30)
        return []

    names: dict[Callable[[findings.Patient], list[Finding]], tuple[str, str, str]] = {
        endless: ("endless", "没完没了", ""),
        doctor.payment.keys: ("pay_keys", "支付密钥", ""),
    }
    monkeypatch.setattr(doctor, "_NAMES", names)
    monkeypatch.setattr(doctor, "_CHECKS", list(names))
    monkeypatch.setattr(doctor, "ALL_SECONDS", 0.3)

    found = outcomes(config_of(stack))
    ended.set()

    assert found == {"endless": FAILED, "pay_keys": OK}


def test_a_check_that_breaks_is_a_line_and_no_end(stack: Stack, monkeypatch):
    def broken(_patient: findings.Patient) -> list[Finding]:
        raise RuntimeError("a secret of the traceback")

    monkeypatch.setattr(doctor, "_NAMES", {broken: ("broken", "坏的", "")})
    monkeypatch.setattr(doctor, "_CHECKS", [broken])

    (found,) = doctor.examine(config_of(stack), verify_text="")

    assert (found.outcome, found.seen) == (FAILED, "检查本身出错（RuntimeError）")


# --- the command -----------------------------------------------------------------------


def test_the_command_prints_a_line_for_each_check(stack: Stack):
    result = stack.app.test_cli_runner().invoke(args=["wechat", "doctor"])

    assert result.exit_code == 0, result.output
    lines = result.stdout.strip().splitlines()
    assert len(lines) == 14
    assert lines[0].startswith("ok   公众号配置：")


def test_the_command_fails_with_advice(stack: Stack):
    stack.control(
        "/faults", target="/cgi-bin/stable_token", kind="errcode", errcode=40125, times="forever"
    )

    result = stack.app.test_cli_runner().invoke(args=["wechat", "doctor"])

    assert result.exit_code == 1
    assert "FAIL 取得 access_token：错误码 40125 system error" in result.stdout
    assert "     → AppSecret 不正确" in result.stdout


def test_the_command_speaks_json(stack: Stack):
    result = stack.app.test_cli_runner().invoke(args=["wechat", "doctor", "--json"])

    said = json.loads(result.stdout)
    assert said["ok"] is True
    assert said["checks"][0]["code"] == "config"
    assert set(said["checks"][0]) == {"code", "title", "outcome", "seen", "advice"}
