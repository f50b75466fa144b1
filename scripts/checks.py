"""`scripts/check`: everything that can be said about the code without running it.

Format, lint, types, the direction of imports, migrations under the version before, the
syntax of our scripts. All are run, so that one look shows all there is to mend.
`scripts/check --fix` first lets ruff mend what it can.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from scripts.bootstrap import ROOT, VENV, SetupError, ensure_venv, say
from scripts.services import find_nginx

# `sh -n` reads its first file only.
EACH_PARSES = 'for file; do sh -n "$file" || bad=1; done; exit ${bad:-0}'


def programs() -> dict[str, list[str]]:
    tool = {name: str(VENV / "bin" / name) for name in ("ruff", "mypy", "lint-imports")}
    found = {
        "format": [tool["ruff"], "format", "--check", "--quiet", "--diff", "."],
        "lint": [tool["ruff"], "check", "--quiet", "."],
        "types": [tool["mypy"], "--no-error-summary"],
        "imports": [tool["lint-imports"], "--no-cache", "--no-logo"],
        "migrations": [sys.executable, "-m", "scripts.migration_check"],
        "shell": ["sh", "-c", EACH_PARSES, "sh", *shell_scripts()],
    }
    if find_nginx() is not None:
        found["nginx"] = [sys.executable, "-m", "scripts.nginx_check"]
    node = shutil.which("node")
    if node is not None and (ours := own_javascript()):
        check = "for (const f of process.argv.slice(1)) new vm.Script(fs.readFileSync(f), f)"
        source = f"const fs = require('fs'), vm = require('vm'); {check}"
        found["javascript"] = [node, "-e", source, "--", *ours]
    return found


def own_javascript() -> list[str]:
    """Our classic scripts; none of them is a module."""
    folders = [ROOT / "app" / "static", ROOT / "scripts"]
    return [
        str(path.relative_to(ROOT))
        for folder in folders
        for path in sorted(folder.rglob("*.js"))
        if "vendor" not in path.parts
    ]


def shell_scripts() -> list[str]:
    """Files of ours that begin with the shell's name, and the one they source."""
    candidates = [*(ROOT / "scripts").iterdir(), *(ROOT / ".ci").iterdir()]
    return [str(path.relative_to(ROOT)) for path in sorted(candidates) if is_shell(path)]


def is_shell(path: Path) -> bool:
    if path.suffix == ".sh":
        return True
    return path.is_file() and not path.suffix and path.read_bytes().startswith(b"#!/bin/sh")


def check() -> list[str]:
    """Run all programs; return the names of those that complained."""
    ensure_venv(dev=True)
    failed = []
    for name, command in programs().items():
        started = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        good = done.returncode == 0
        say(f"{'ok  ' if good else 'FAIL'}  {name:<10} {time.monotonic() - started:5.1f} s")
        if not good:
            failed.append(name)
            say((done.stdout + done.stderr).rstrip() + "\n")
    return failed


def main() -> int:
    try:
        if "--fix" in sys.argv[1:]:
            ensure_venv(dev=True)
            ruff = str(VENV / "bin" / "ruff")
            subprocess.run(
                [ruff, "check", "--fix", "--quiet", "."], cwd=ROOT, stdout=subprocess.DEVNULL
            )
            subprocess.run([ruff, "format", "--quiet", "."], cwd=ROOT)
        failed = check()
    except SetupError as error:
        say(str(error))
        return 1
    if failed:
        say(f"scripts/check: {', '.join(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
