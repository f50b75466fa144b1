"""What every script needs before it can start: an interpreter and a virtual environment.

Only the standard library, because this runs before anything is installed.

    python -m scripts.bootstrap         build or renew .venv with the development tools
    python -m scripts.bootstrap lock    renew constraints.txt after a change of requirements
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INSTANCE = ROOT / "instance"
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
VENV_STAMP = VENV / ".installed.json"
# Optional: it turns a 48 s installation into 8 s. pip does the same work without it.
UV_REQUIREMENT = "uv==0.13.9"

RUNTIME_FILES = ("requirements.txt", "constraints.txt")
DEV_FILES = (*RUNTIME_FILES, "requirements-dev.txt")


class SetupError(Exception):
    """Something the person at the terminal must mend; the text says what."""


def say(text: str) -> None:
    print(text, flush=True)


@contextlib.contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Let one process at a time build `name`; the others wait and find it built."""
    INSTANCE.mkdir(exist_ok=True)
    with (INSTANCE / f".{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def digest(paths: tuple[str, ...]) -> str:
    sha = hashlib.sha256()
    for path in paths:
        sha.update(path.encode() + b"\0" + (ROOT / path).read_bytes() + b"\0")
    return sha.hexdigest()


def ensure_venv(*, dev: bool) -> Path:
    """Build or renew `.venv` so that it holds the pinned packages; return its Python.

    A stamp with the hash of the requirements makes every later call a no-op. The
    development packages include the runtime's, so a development environment
    also serves `scripts/run`.
    """
    wanted = {"python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
    wanted["runtime"] = digest(RUNTIME_FILES)
    if dev:
        wanted["dev"] = digest(DEV_FILES)
    with exclusive("venv"):
        if wanted.items() <= _read_stamp().items() and VENV_PYTHON.exists():
            return VENV_PYTHON
        if importlib.util.find_spec("ensurepip") is None:
            raise SetupError(
                "这个 Python 缺少 venv 组件（Debian/Ubuntu：apt install python3-venv）。\n"
                "This Python has no venv module (Debian/Ubuntu: apt install python3-venv)."
            )
        started = time.monotonic()
        if _read_stamp().get("python") != wanted["python"] or not VENV_PYTHON.exists():
            say("正在建立 Python 环境 .venv … / building the Python environment .venv …")
            venv.create(VENV, clear=VENV.exists(), with_pip=True)
        else:
            say("依赖有变化，正在更新 .venv … / dependencies changed, renewing .venv …")
        VENV_STAMP.unlink(missing_ok=True)
        _install("requirements-dev.txt" if dev else "requirements.txt")
        VENV_STAMP.write_text(json.dumps(wanted))
        say(f"  .venv 就绪 / ready ({time.monotonic() - started:.0f} s)")
    return VENV_PYTHON


def hand_over(module: str, *, dev: bool) -> int:
    """Become `module` with this process's arguments, run by the environment's Python.

    Comes back, with an exit code, only where the environment could not be built.
    """
    try:
        python = str(ensure_venv(dev=dev))
    except SetupError as error:
        say(str(error))
        return 1
    os.execv(python, [python, "-m", module, *sys.argv[1:]])  # noqa: S606
    raise AssertionError("unreachable")


def _read_stamp() -> dict[str, str]:
    try:
        stamp = json.loads(VENV_STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _install(requirements: str) -> None:
    pip = [str(VENV_PYTHON), "-m", "pip", "--disable-pip-version-check", "-q"]
    uv = VENV / "bin" / "uv"
    if not uv.exists():
        subprocess.run([*pip, "install", UV_REQUIREMENT], cwd=ROOT, capture_output=True)
    if uv.exists():
        command = [str(uv), "pip", "install", "-q", "--python", str(VENV_PYTHON)]
        done = subprocess.run([*command, "-r", requirements], cwd=ROOT, env=uv_environment(pip))
        if done.returncode == 0:
            return
        say("uv 未能完成，改用 pip / uv could not do it, falling back to pip")
    if subprocess.run([*pip, "install", "-r", requirements], cwd=ROOT).returncode != 0:
        raise SetupError(
            "依赖安装失败，请检查网络与 pip 设置（详见上方输出）。\n"
            "Installing the dependencies failed; see pip's output above."
        )


def uv_environment(pip: list[str]) -> dict[str, str]:
    """Hand pip's own mirror to uv, which does not read pip's configuration."""
    env = dict(os.environ)
    if "UV_DEFAULT_INDEX" not in env:
        found = subprocess.run(
            [*pip, "config", "get", "global.index-url"], capture_output=True, text=True
        )
        index = env.get("PIP_INDEX_URL") or found.stdout.strip()
        if index:
            env["UV_DEFAULT_INDEX"] = index
    return env


def lock() -> None:
    """Pin what our pins bring along, for every Python from 3.11 on, into constraints.txt."""
    ensure_venv(dev=True)
    constraints = ROOT / "constraints.txt"
    direct = {
        _canonical(line.split("==")[0])
        for name in ("requirements.txt", "requirements-dev.txt")
        for line in (ROOT / name).read_text().splitlines()
        if "==" in line and not line.startswith("#")
    }
    # The old pins must not hold the new ones back.
    constraints.write_text("")
    compiled = subprocess.run(
        [str(VENV / "bin" / "uv"), "pip", "compile", "-q", "requirements-dev.txt"]
        + ["--universal", "--python-version", "3.11"]
        + ["--no-header", "--no-annotate", "--no-emit-index-url"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    kept = [line for line in compiled.splitlines() if _canonical(line.split("==")[0]) not in direct]
    constraints.write_text(
        "# What the pins of requirements*.txt bring along, pinned as well.\n"
        "# Written by: python -m scripts.bootstrap lock\n" + "\n".join(kept) + "\n"
    )


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    try:
        if sys.argv[1:] == ["lock"]:
            lock()
        else:
            ensure_venv(dev=True)
    except SetupError as error:
        sys.exit(str(error))
