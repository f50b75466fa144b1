"""A shop does not start with a configuration that is incomplete, weak or pointed elsewhere."""

import base64
import secrets
from pathlib import Path

import pytest

from config import NEEDED, OFFICIAL, SECRETS, ConfigError, from_environment, load

# Not random, so that no run meets three x in a row.
DATA_KEY = base64.b64encode(bytes(range(32))).decode()
DEVELOPMENT = {"SECRET_KEY": "0123456789abcdef", "DATA_KEYS": f"k1:{DATA_KEY}"}


@pytest.fixture
def production(tmp_path: Path) -> dict[str, str]:
    """A whole and sound environment of a shop."""
    for name in ("merchant.pem", "wechat.pem"):
        (tmp_path / name).write_text("-----BEGIN-----")
    return {
        "APP_ENV": "production",
        "SECRET_KEY": secrets.token_hex(32),
        "DATA_KEYS": f"k1:{DATA_KEY}",
        "DATABASE_URL": "mysql+pymysql://mall:pw@127.0.0.1:3306/mall?charset=utf8mb4",
        "PUBLIC_BASE_URL": "https://mall.shop.cn/",
        "WECHAT_APP_ID": "wx0123456789abcdef",
        "WECHAT_APP_SECRET": secrets.token_hex(16),
        "WECHAT_ORIGINAL_ID": "gh_0123456789ab",
        "WECHAT_TOKEN": secrets.token_hex(8),
        "WECHAT_AES_KEY": secrets.token_hex(32)[:43],
        "WXPAY_MCH_ID": "1900000001",
        "WXPAY_CERT_SERIAL": "3775B6A45ACD588826D15E583A95F5DD",
        "WXPAY_PRIVATE_KEY_FILE": str(tmp_path / "merchant.pem"),
        "WXPAY_APIV3_KEY": secrets.token_hex(16),
        "WXPAY_PUBLIC_KEY_ID": "PUB_KEY_ID_0119000000012026",
        "WXPAY_PUBLIC_KEY_FILE": str(tmp_path / "wechat.pem"),
    }


def problems_of(environment: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(environment)
    return refused.value.problems


def test_a_whole_production_configuration_loads(production):
    config = load(production)

    assert config.is_production is True
    assert config.uses_sandbox is False
    assert config.public_base_url == "https://mall.shop.cn"
    assert config.wxpay_notify_base == "https://mall.shop.cn"
    assert config.wechat_api_base == "https://api.weixin.qq.com"
    assert config.wxpay_base == "https://api.mch.weixin.qq.com"
    assert (config.log_level, config.distribution_hard_cap, config.trusted_proxies) == (
        "INFO",
        2,
        0,
    )


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("value", [None, "", "  "], ids=["absent", "empty", "blank"])
def test_production_wants_every_name(production, name, value):
    production.pop(name)
    if value is not None:
        production[name] = value

    assert f"{name} is missing" in " ".join(problems_of(production))


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("SECRET_KEY", 32),
        ("WECHAT_APP_SECRET", 32),
        ("WECHAT_TOKEN", 16),
        ("WXPAY_APIV3_KEY", 32),
        ("WECHAT_AES_KEY", 43),
    ],
)
def test_production_refuses_a_short_secret(production, name, least):
    production[name] = production[name][: least - 1]

    assert problems_of(production) == [f"{name} is shorter than {least} characters"]


@pytest.mark.parametrize("name", [n for n in SECRETS if n != "DATA_KEYS"])
@pytest.mark.parametrize(
    "sample",
    [
        "change-me-" + "0f" * 16,
        "CHANGEME" + "0f" * 16,
        "this-is-an-example-" + "0f" * 16,
        "my-secret-" + "0f" * 16,
        "Password" + "0f" * 16,
        "your_key_" + "0f" * 16,
        "xxxxxxxx" + "0f" * 16,
        "0" * 43,
    ],
)
def test_production_refuses_a_sample(production, name, sample):
    production[name] = sample

    assert problems_of(production) == [f"{name} looks like a sample, not a secret"]


def test_production_refuses_a_sample_name_of_a_data_key(production):
    production["DATA_KEYS"] = f"example:{DATA_KEY}"

    assert problems_of(production) == ["DATA_KEYS looks like a sample, not a secret"]


@pytest.mark.parametrize("name", OFFICIAL)
@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:8001", "https://sandbox.test", "https://api.weixin.qq.com.evil.cn"],
)
def test_production_speaks_to_wechat_and_to_nobody_else(production, name, address):
    production[name] = address

    assert problems_of(production) == [
        f"{name} must be {OFFICIAL[name]} in production, not {address}"
    ]


def test_production_may_name_wechats_own_addresses(production):
    production.update(OFFICIAL)
    production["WXPAY_BASE"] = "https://api2.mch.weixin.qq.com/"

    assert load(production).wxpay_base == "https://api2.mch.weixin.qq.com"


@pytest.mark.parametrize("name", ["PUBLIC_BASE_URL", "WXPAY_NOTIFY_BASE"])
def test_production_is_reached_by_https_only(production, name):
    production["WXPAY_NOTIFY_BASE"] = "https://notify.shop.cn"
    production[name] = "http://mall.shop.cn"

    assert problems_of(production) == [f"{name} must begin with https:// in production"]


def test_production_does_not_run_in_debug(production):
    production["FLASK_DEBUG"] = "1"

    assert problems_of(production) == ["FLASK_DEBUG must not be set in production"]


def test_production_with_debug_switched_off_loads(production):
    production["FLASK_DEBUG"] = "0"

    assert load(production).is_production is True


@pytest.mark.parametrize("level", ["DEBUG", "debug"])
def test_production_does_not_log_everything(production, level):
    production["LOG_LEVEL"] = level

    assert problems_of(production) == ["LOG_LEVEL must not be DEBUG in production"]


@pytest.mark.parametrize("name", ["WXPAY_PRIVATE_KEY_FILE", "WXPAY_PUBLIC_KEY_FILE"])
def test_production_wants_its_key_files(production, name):
    production[name] += ".gone"

    assert problems_of(production) == [f"{name} names no file"]


def test_every_problem_is_told_at_once(production):
    production.update({"FLASK_DEBUG": "1", "LOG_LEVEL": "DEBUG", "WXPAY_MCH_ID": ""})

    assert problems_of(production) == [
        "WXPAY_MCH_ID is missing",
        "FLASK_DEBUG must not be set in production",
        "LOG_LEVEL must not be DEBUG in production",
    ]


def test_no_problem_repeats_a_secret(production):
    production.update(dict.fromkeys(SECRETS, "change-me"))

    told = "\n".join(problems_of(production))

    assert "change-me" not in told


# --- everywhere ------------------------------------------------------------------


def test_development_wants_little():
    config = load(DEVELOPMENT)

    assert (config.app_env, config.is_production) == ("development", False)
    assert config.public_base_url == "http://127.0.0.1:8000"
    assert config.database_url.startswith("sqlite:///")
    assert config.redis_url == ""


def test_a_sandbox_is_known_by_its_address():
    assert load({**DEVELOPMENT, "WECHAT_OPEN_BASE": "http://127.0.0.1:8001"}).uses_sandbox is True


@pytest.mark.parametrize("environment", ["", "staging", "Production", "prod"])
def test_an_unknown_environment_is_refused_or_development(environment):
    given = {**DEVELOPMENT, "APP_ENV": environment}

    if not environment:
        assert load(given).app_env == "development"
    else:
        assert problems_of(given) == ["APP_ENV must be development, test or production"]


@pytest.mark.parametrize("depth", ["1", "2", "3"])
def test_the_hard_cap_is_one_to_three(depth):
    assert load({**DEVELOPMENT, "DISTRIBUTION_HARD_CAP": depth}).distribution_hard_cap == int(depth)


@pytest.mark.parametrize("depth", ["0", "4", "-1", "two", "2.0", "02"])
def test_any_other_hard_cap_is_refused(depth):
    assert problems_of({**DEVELOPMENT, "DISTRIBUTION_HARD_CAP": depth}) == [
        "DISTRIBUTION_HARD_CAP must be 1, 2 or 3"
    ]


def test_team_conditions_are_refused_unless_the_server_says_so():
    name = "COMPLIANCE_ALLOW_TEAM_BONUS"

    assert load(DEVELOPMENT).compliance_allow_team_bonus is False
    assert load({**DEVELOPMENT, name: "1"}).compliance_allow_team_bonus is True
    assert problems_of({**DEVELOPMENT, name: "yes"}) == [f"{name} must be 0 or 1"]


@pytest.mark.parametrize("proxies", ["-1", "one", "1.5"])
def test_a_number_of_proxies_is_a_number(proxies):
    assert problems_of({**DEVELOPMENT, "TRUSTED_PROXIES": proxies}) == [
        "TRUSTED_PROXIES must be a number of proxies"
    ]


def test_without_a_secret_key_nothing_starts():
    (problem,) = problems_of({"DATA_KEYS": DEVELOPMENT["DATA_KEYS"]})

    assert problem.startswith("SECRET_KEY is missing")


@pytest.mark.parametrize(
    "keys",
    [
        "k1",
        "k1:",
        f":{DATA_KEY}",
        "k1:c2hvcnQ=",
        f"k1:{DATA_KEY}x",
        f"k1:{DATA_KEY},",
        f"k1:{DATA_KEY},k2:!",
    ],
)
def test_data_keys_are_an_id_and_32_bytes_each(keys):
    assert problems_of({**DEVELOPMENT, "DATA_KEYS": keys}) == [
        "DATA_KEYS wants id:base64 with 32 bytes a key, comma separated"
    ]


def test_without_data_keys_nothing_starts():
    assert problems_of({"SECRET_KEY": "x"}) == [
        "DATA_KEYS is missing: id:base64 of 32 random bytes"
    ]


def test_the_file_of_development_is_not_read_in_production(monkeypatch, tmp_path, production):
    (tmp_path / ".env").write_text("WECHAT_TOKEN=from-the-file\nSECRET_KEY=from-the-file\n")
    monkeypatch.setattr("config.ROOT", tmp_path)
    monkeypatch.setattr("os.environ", production)

    assert from_environment().wechat_token == production["WECHAT_TOKEN"]
    assert from_environment().secret_key == production["SECRET_KEY"]


def test_the_environment_is_above_the_file_of_development(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("WECHAT_TOKEN=from-the-file\nSECRET_KEY=from-the-file\n")
    monkeypatch.setattr("config.ROOT", tmp_path)
    monkeypatch.setattr("os.environ", DEVELOPMENT)

    config = from_environment()

    assert (config.wechat_token, config.secret_key) == (
        "from-the-file",
        DEVELOPMENT["SECRET_KEY"],
    )
