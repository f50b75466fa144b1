"""Ask nginx itself whether nginx.conf is valid, without root and without its ports.

The copy it reads differs in places only: files, ports and a throw-away certificate.
"""

from __future__ import annotations

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
        folder = Path(name)
        (folder / "conf.d").mkdir()
        _certificate(folder)
        (folder / "mime.types").write_text("types { text/html html; }\n")
        text = (ROOT / "nginx.conf").read_text(encoding="utf-8")
        text = re.sub(r"^user .*$", "", text, flags=re.MULTILINE)
        text = re.sub(r"^ *listen \[::\].*$", "", text, flags=re.MULTILINE)
        text = text.replace("/var/log/nginx", name).replace("/run/nginx.pid", f"{name}/nginx.pid")
        # Privileged ports, moved to where anybody may listen.
        text = re.sub(r"listen (80|443)\b", lambda m: f"listen 127.0.0.1:{39000 + int(m[1])}", text)
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        done = subprocess.run(
            [nginx, "-t", "-p", name, "-c", f"{name}/nginx.conf"], capture_output=True, text=True
        )
    print(done.stderr.replace(name, "…"))
    return done.returncode or _limits(text)


def _limits(text: str) -> int:
    """A picture must pass where the application takes one, and nowhere else in the mall."""
    taken = set(re.findall(r"location (\S+ \S+|\S+) \{[^{}]*client_max_body_size 6m;", text))
    if taken == {f"= {UPLOADS}"}:
        return 0
    print(f"pictures are sent to {UPLOADS}, but 6 MB are let through at {sorted(taken)}")
    return 1


def _certificate(folder: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        + ["-nodes", "-subj", "/CN=mall.example.com", "-days", "1"]
        + ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
        check=True,
        capture_output=True,
    )
    (folder / "conf.d" / "mall-tls.conf").write_text(
        f"ssl_certificate {folder}/cert.pem;\nssl_certificate_key {folder}/key.pem;\n"
    )


if __name__ == "__main__":
    sys.exit(main())
