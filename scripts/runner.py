"""`scripts/run [--reset]`: from a fresh checkout to a running mall, until Ctrl-C.

Builds what is missing (.venv, front-end files), makes keys and the WeChat
sandbox's credentials, brings the database to the newest schema, seeds the demo
data, makes the first admin, then keeps three programs running: the sandbox, the
web server and the scheduler. When one of them dies, all end and its last words
are shown.

Everything it makes is under instance/, and a second run keeps it; `--reset`
removes exactly that and starts over.

Environment: PORT (8000) and SANDBOX_PORT (8001). Other settings come from, in
rising order, what this script made, the operator's `.env`, the environment.
"""

from __future__ import annotations

import argparse
import base64
import datetime as dt
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import IO

from scripts.bootstrap import INSTANCE, ROOT, SetupError, ensure_venv, say
from scripts.programs import LOGS, Program, end, get, relative, wait_until

DATABASE = INSTANCE / "mall.db"
SANDBOX = INSTANCE / "sandbox"
RUN_ENV = INSTANCE / "run.env"
# What --reset removes: all that this script and its programs write, nothing else.
MADE_HERE = [
    DATABASE,
    DATABASE.with_name("mall.db-wal"),
    DATABASE.with_name("mall.db-shm"),
    INSTANCE / "data",
    SANDBOX,
    LOGS,
    RUN_ENV,
]
# Environment that would point the programs at another project's settings.
FOREIGN = ("FLASK_APP", "FLASK_ENV", "FLASK_DEBUG", "GUNICORN_CMD_ARGS", "PYTHONHOME")


class Stopped(Exception):
    """Ctrl-C or TERM."""


# -- settings ---------------------------------------------------------------------


def read_env_file(path: Path) -> dict[str, str]:
    """`NAME=value` lines; an empty value counts as not set, so a copied example works."""
    found = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            name, equals, value = line.strip().removeprefix("export ").partition("=")
            value = value.strip()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
                value = value[1:-1]
            if equals and value and not name.startswith("#"):
                found[name.strip()] = value
    return found


def own_secrets() -> dict[str, str]:
    """Random keys of this installation, made once and readable by its owner only."""
    if not RUN_ENV.exists():
        if DATABASE.exists():
            raise SetupError(
                f"数据库还在，但密钥文件 {relative(RUN_ENV)} 不见了，已加密的数据无法读取。\n"
                "请恢复该文件，或用 scripts/run --reset 重新开始。\n"
                "The database is there but its keys are gone: restore that file, or start "
                "over with scripts/run --reset."
            )
        data_key = base64.b64encode(secrets.token_bytes(32)).decode()
        handle = os.open(RUN_ENV, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(f"SECRET_KEY={secrets.token_hex(32)}\n")
            file.write(f"DATA_KEYS=dev1:{data_key}\n")
    return read_env_file(RUN_ENV)


def settings(mall_url: str) -> dict[str, str]:
    """The environment of the mall's programs."""
    environment = {
        "APP_ENV": "development",
        "DATABASE_URL": f"sqlite:///{DATABASE}",
        "PUBLIC_BASE_URL": mall_url,
        "DATA_DIR": str(INSTANCE / "data"),
        "LOG_LEVEL": "INFO",
        **own_secrets(),
        **read_env_file(SANDBOX / "mall.env"),
        **read_env_file(ROOT / ".env"),
        **clean_environment(),
    }
    if environment["APP_ENV"] == "production":
        raise SetupError(
            "scripts/run 只用于开发和演示；正式环境请按 README 部署。\n"
            "scripts/run is for development and demonstration; deploy production by the README."
        )
    return environment


def clean_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    # A pipe would otherwise hold log lines back, and hold Chinese in a bare locale.
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


# -- steps ------------------------------------------------------------------------


def claim_instance() -> IO[str]:
    """Two runs of one checkout would share a database and both be its scheduler."""
    INSTANCE.mkdir(exist_ok=True)
    handle = (INSTANCE / ".run.lock").open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.seek(0)
        raise SetupError(
            f"本目录的商城已在运行（进程 {handle.read().strip()}），请先结束它。\n"
            "This checkout's mall is already running; end it first."
        ) from None
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


def port_of(name: str, default: int) -> int:
    text = os.environ.get(name, "") or str(default)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise SetupError(f"{name}={text} 不是端口号 / is not a port number.")
    return int(text)


def require_free(name: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise SetupError(
                f"端口 {port} 已被占用。换一个：{name}={port + 10} scripts/run\n"
                f"Port {port} is in use. Choose another: {name}={port + 10} scripts/run"
            ) from None


def reset() -> None:
    for path in MADE_HERE:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    say("已清除演示数据，从头开始。 / Demo data removed, starting over.")
    url = os.environ.get("DATABASE_URL") or read_env_file(ROOT / ".env").get("DATABASE_URL")
    if url:
        say("DATABASE_URL 指向的数据库未动。 / The database in DATABASE_URL was left alone.")


def build_everything() -> Path:
    """The environment and the front-end files, at the same time; return .venv's Python."""
    assets = subprocess.Popen([sys.executable, "-m", "scripts.assets", "--quiet"], cwd=ROOT)
    try:
        python = ensure_venv(dev=False)
    except BaseException:
        assets.terminate()
        raise
    finally:
        failed = assets.wait()
    if failed:
        # The mall has its own small style sheet and starts without them.
        say("没有前端文件，页面会很朴素。 / Going on without the front-end files: plain pages.")
    return python


def step(
    what: str, command: list[str], environment: dict[str, str], *, is_secret: bool = False
) -> str:
    """Run one preparing command; return what it printed, which also goes to setup.log
    unless it is for one pair of eyes. Its log lines go there always."""
    say(f"· {what}")
    with (LOGS / "setup.log").open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(command[1:])}\n")
        log.flush()
        start = log.tell()
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
        )
        if not is_secret:
            log.write(done.stdout)
    if done.returncode != 0:
        with (LOGS / "setup.log").open(encoding="utf-8", errors="replace") as log:
            log.seek(start)
            words = log.read().strip().splitlines()[-20:]
        raise SetupError("\n".join([f"这一步失败了：{what} / this step failed:", *words]))
    return done.stdout


# -- all of it --------------------------------------------------------------------

GUIDE = """\
试一试 / What to try
  1. 打开微信沙盒，选“王芳”，扫陈梅的推广码 {code}，关注后进入商城。
     Open the sandbox phone as 王芳, scan 陈梅's code ({code}) and enter the mall.
  2. 选一件商品下单，在手机里确认支付。
     Order something and confirm the payment on the phone.
  3. 用上面的首次设置链接登录后台，在“订单”里发货；回手机确认收货。
     Set up the admin by the link above, ship the order, then confirm receipt on the phone.
  4. 换成“陈梅”，在“我的 · 分销中心”看佣金、为什么是这个数、何时到账。
     Become 陈梅: the commission, why it is this amount and when it arrives.
  5. 不想等 15 天退货期？另开一个终端，让结算任务以为时间已到：
     No patience for the return window? Tell the settlement, in another terminal, that it is over:
       scripts/flask jobs run settle --as-of {later}
  6. 陈梅提现，后台“提现与账务”审核，一分钟内打款，手机里确认收款。
     Withdraw as 陈梅, approve it in the admin, within a minute confirm the transfer on the phone.
  7. 看账是否平 / check the books:  scripts/flask ledger verify
"""
# Longer than the default guard (15 days), counted from today.
LATER_DAYS = 17


def run(*, start_over: bool) -> None:
    started = time.monotonic()
    port, sandbox_port = port_of("PORT", 8000), port_of("SANDBOX_PORT", 8001)
    if port == sandbox_port:
        raise SetupError("PORT 与 SANDBOX_PORT 不能相同 / PORT and SANDBOX_PORT must differ.")
    mall, sandbox = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{sandbox_port}"
    lock = claim_instance()
    require_free("PORT", port)
    require_free("SANDBOX_PORT", sandbox_port)
    if start_over:
        reset()
    python = str(build_everything())
    # Keys, personal data and logs are their owner's alone.
    os.umask(0o077)
    for folder in (LOGS, INSTANCE / "data"):
        folder.mkdir(exist_ok=True)
    (LOGS / "setup.log").unlink(missing_ok=True)

    simulate = [python, "-m", "scripts.wechat_sandbox"]
    addresses = ["--mall-url", mall, "--sandbox-url", sandbox]
    step(
        "微信沙盒的密钥 / the sandbox's keys",
        [*simulate, "init", "--dir", str(SANDBOX), *addresses],
        clean_environment(),
    )
    environment = settings(mall)
    flask = [python, "-m", "flask", "--app", "wsgi"]
    step("数据库结构 / database schema", [*flask, "db", "upgrade"], environment)
    seeded = step("演示数据 / demo data", [*flask, "demo", "seed"], environment)
    code = next((w.split()[1] for w in seeded.splitlines() if w.startswith("陈梅 ")), "")
    admin = step(
        "管理员 / admin",
        [*flask, "admin", "create", "admin", "--if-missing"],
        environment,
        is_secret=True,
    )

    programs: list[Program] = []
    try:
        serve = ["serve", "--dir", str(SANDBOX), "--port", str(sandbox_port)]
        programs.append(Program("sandbox", [*simulate, *serve], clean_environment()))
        gunicorn = [python, "-m", "gunicorn", "-c", "scripts/gunicorn.conf.py"]
        gunicorn += ["--no-control-socket", "--bind", f"127.0.0.1:{port}", "wsgi:app"]
        programs.append(Program("web", gunicorn, environment))
        programs.append(Program("scheduler", [*flask, "scheduler", "run"], environment))
        wait_until(lambda: get(f"{sandbox}/"), programs, "微信沙盒 / the sandbox")
        wait_until(lambda: get(f"{mall}/readyz"), programs, "商城 / the mall")
        # WeChat must be there for these: the account's menu and templates, the codes to scan.
        step("公众号菜单 / the account's menu", [*flask, "wechat", "menu", "push"], environment)
        step("消息通知 / notices", [*flask, "demo", "notices"], environment)
        step("关注者 / followers", [*flask, "jobs", "run", "sync-followers"], environment)
        step("推广码 / referral codes", [*flask, "jobs", "run", "renew-scenes"], environment)
        say(f"\n商城已就绪 / The mall is running ({time.monotonic() - started:.0f} s)\n")
        say(f"  商城 Mall           {mall}/")
        say(f"  后台 Admin          {mall}/admin")
        for line in admin.strip().splitlines():
            label = "首次设置 First set-up  " if line.startswith("http") else ""
            say(f"    {label}{line.strip()}")
        say(f"  微信沙盒 Sandbox    {sandbox}/")
        say(f"  日志 Logs           {relative(LOGS)}/\n")
        later = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=LATER_DAYS)
        say(GUIDE.format(later=later.isoformat(), code=code))
        say("按 Ctrl-C 结束全部 / Ctrl-C ends all of it")
        while True:
            for program in programs:
                program.check()
            time.sleep(0.5)
    finally:
        # A second Ctrl-C must not leave half of them behind.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        end(programs)
        lock.close()


def flask_command(arguments: list[str]) -> int:
    """`scripts/flask …`: a flask command on the mall that scripts/run made."""
    if not RUN_ENV.exists():
        raise SetupError("还没有运行过 scripts/run / scripts/run has not been run yet.")
    python = str(ensure_venv(dev=False))
    command = [python, "-m", "flask", "--app", "wsgi", *arguments]
    return subprocess.run(command, cwd=ROOT, env=settings("http://127.0.0.1:8000")).returncode


def stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


def main() -> int:
    if sys.argv[1:2] == ["flask"]:
        try:
            return flask_command(sys.argv[2:])
        except SetupError as error:
            say(str(error))
            return 1
    parser = argparse.ArgumentParser(prog="scripts/run", description="Run the mall with demo data.")
    parser.add_argument(
        "--reset", action="store_true", help="remove what earlier runs made, then start"
    )
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        run(start_over=arguments.reset)
    except Stopped:
        say("\n已全部停止。 / All stopped.")
        return 0
    except SetupError as error:
        say(f"\n{error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
