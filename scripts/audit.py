"""`scripts/audit`: known weaknesses of the packages that we pin, Python's and npm's.

Asks the advisory databases (pip-audit, npm audit), so it needs the network. Exit 1 if a
package has a known weakness. Where nobody answers it says that nothing was checked and
exits 0: a run without network is no reason to stop, and `--strict` makes it one.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import Any

from scripts.bootstrap import ROOT, VENV, SetupError, ensure_venv, say, uv_environment

# Beside our own packages, because it brings thirty that the mall does not need.
PIP_AUDIT = "pip-audit==2.10.1"
SECONDS = 90


def main() -> int:
    try:
        ensure_venv(dev=True)
    except SetupError as error:
        say(str(error))
        return 1
    found = {"python": _asked(_python(), of_python), "npm": _asked(_npm(), of_npm)}
    for name, weaknesses in found.items():
        if weaknesses is None:
            say(f"----  {name:<8} not checked: no advisory database answered")
        else:
            say(f"{'FAIL' if weaknesses else 'ok  '}  {name:<8} {len(weaknesses)} known weaknesses")
            for line in weaknesses:
                say(f"      {line}")
    unasked = "--strict" in sys.argv[1:] and None in found.values()
    return 1 if unasked or any(found.values()) else 0


def _python() -> list[str]:
    """Everything is pinned, so nothing is resolved or installed."""
    tool = [str(VENV / "bin" / "uv"), "tool", "run", "--quiet", "--from", PIP_AUDIT, "pip-audit"]
    files = ["-r", "requirements.txt", "-r", "requirements-dev.txt", "-r", "constraints.txt"]
    return [
        *tool,
        *files,
        "--no-deps",
        "--disable-pip",
        "--format",
        "json",
        "--progress-spinner=off",
    ]


def _npm() -> list[str]:
    return [shutil.which("npm") or "npm", "audit", "--json", "--package-lock-only"]


def _asked(command: list[str], read: Any) -> list[str] | None:
    """The weaknesses, one a line; None where there was no answer."""
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=uv_environment([str(VENV / "bin" / "python"), "-m", "pip"]),
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        found: list[str] = read(json.loads(done.stdout))
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return None
    return found


def of_python(answer: dict[str, Any]) -> list[str]:
    """From pip-audit's JSON.

    Raises KeyError where it is none, ValueError where a package was left out: a mirror
    without advisories makes pip-audit skip all of them and call that good.
    """
    found = [
        f"{package['name']} {package['version']}: {weakness['id']}"
        f", mended in {', '.join(weakness['fix_versions']) or 'no version yet'}"
        for package in answer["dependencies"]
        for weakness in package.get("vulns", [])
    ]
    if not found and any("skip_reason" in package for package in answer["dependencies"]):
        raise ValueError("not every package was looked up")
    return found


def of_npm(answer: dict[str, Any]) -> list[str]:
    """From npm's JSON. Raises KeyError where it is an error's."""
    return [
        f"{name} {found['range']}: {found['severity']}"
        for name, found in sorted(answer["vulnerabilities"].items())
    ]


if __name__ == "__main__":
    sys.exit(main())
