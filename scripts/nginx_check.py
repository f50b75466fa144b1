"""Ask nginx itself whether nginx.conf is valid, without root and without its ports.

The copy it reads differs in places only: files, ports and a throw-away certificate.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.bootstrap import ROOT
from scripts.services import find_nginx

# Where members send their pictures (`app.mall.uploads`).
UPLOADS = "/me/pictures"


def main() -> int:
    nginx = find_nginx()
    if nginx is None:
        print("nginx is not installed")
        return 1
    with tempfile.TemporaryDirectory(prefix="mall-nginx-") as name:
        # Privileged ports, moved to where anybody may listen.
        text = place(Path(name), ports={80: 39080, 443: 39443, 8009: 39009})
        done = subprocess.run(
            [nginx, "-t", "-p", name, "-c", f"{name}/nginx.conf"], capture_output=True, text=True
        )
    print(done.stderr.replace(name, "…"))
    return done.returncode or _limits(text)


def place(folder: Path, *, ports: dict[int, int], replace: dict[str, str] | None = None) -> str:
    """Write nginx.conf into a folder of its own, certificate and all; return its text.

    It differs from ours in places only: each port of ours becomes the one in `ports`,
    each text in `replace` (a path, a socket) what stands beside it there.
    """
    (folder / "conf.d").mkdir()
    make_certificate(folder)
    (folder / "mime.types").write_text("types { text/html html; text/css css; }\n")
    text = (ROOT / "nginx.conf").read_text(encoding="utf-8")
    # Started by root its workers would become somebody who cannot enter the folder.
    user = "user root;" if os.geteuid() == 0 else ""
    text = re.sub(r"^user .*$", user, text, flags=re.MULTILINE)
    text = re.sub(r"^ *listen \[::\].*$", "", text, flags=re.MULTILINE)
    text = text.replace("/var/log/nginx", str(folder))
    text = text.replace("/run/nginx.pid", f"{folder}/nginx.pid")
    text = re.sub(
        r"listen (?:127\.0\.0\.1:)?(\d+)",
        lambda found: f"listen 127.0.0.1:{ports[int(found[1])]}",
        text,
    )
    for old, new in (replace or {}).items():
        if old not in text:
            raise ValueError(f"nginx.conf has no {old}")
        text = text.replace(old, new)
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    return text


def _limits(text: str) -> int:
    """A picture must pass where the application takes one, and nowhere else in the mall."""
    taken = set(re.findall(r"location (\S+ \S+|\S+) \{[^{}]*client_max_body_size 6m;", text))
    if taken == {f"= {UPLOADS}"}:
        return 0
    print(f"pictures are sent to {UPLOADS}, but 6 MB are let through at {sorted(taken)}")
    return 1


def make_certificate(folder: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        + ["-nodes", "-subj", "/CN=mall.example.com", "-days", "1"]
        + ["-addext", "subjectAltName=DNS:mall.example.com"]
        + ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
        check=True,
        capture_output=True,
    )
    (folder / "conf.d" / "mall-tls.conf").write_text(
        f"ssl_certificate {folder}/cert.pem;\nssl_certificate_key {folder}/key.pem;\n"
    )


if __name__ == "__main__":
    sys.exit(main())
