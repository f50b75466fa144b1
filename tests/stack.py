"""The whole product in one process: the sandbox and the mall on real sockets.

`serving` starts both; a test speaks to them over HTTP as WeChat, phones and
browsers would, and looks into the same database.
"""

import base64
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from flask import Flask
from flask_migrate import upgrade
from werkzeug.serving import WSGIRequestHandler, make_server

from app import wechat
from app.core.db import db
from app.factory import create_app
from config import load
from scripts.wechat_sandbox import config as sandbox_config
from scripts.wechat_sandbox import create_app as create_sandbox


class _Quiet(WSGIRequestHandler):
    def log(self, *_args: object, **_kwargs: object) -> None:
        pass


class Server:
    """A WSGI app on a free port, in a thread. `app` may be set after the address is known."""

    def __init__(self) -> None:
        self.app: Callable[..., Any] | None = None
        self._server = make_server(
            "127.0.0.1", 0, self._call, threaded=True, request_handler=_Quiet
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def _call(self, environ: Any, start: Any) -> Any:
        assert self.app is not None
        return self.app(environ, start)

    def start(self, app: Callable[..., Any]) -> None:
        self.app = app
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@dataclass
class Stack:
    """The running product."""

    app: Flask
    url: str
    sandbox_url: str
    sandbox: sandbox_config.Config

    def control(self, path: str, **data: Any) -> Any:
        """POST to the sandbox's control API; its JSON answer."""
        answer = requests.post(f"{self.sandbox_url}/_control{path}", json=data, timeout=30)
        assert answer.ok, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.json() if answer.content else None

    def control_delete(self, path: str) -> None:
        """DELETE of the sandbox's control API."""
        answer = requests.delete(f"{self.sandbox_url}/_control{path}", timeout=10)
        assert answer.ok, answer.text[:300]

    def look(self, path: str) -> Any:
        """GET from the sandbox's control API."""
        answer = requests.get(f"{self.sandbox_url}/_control{path}", timeout=10)
        assert answer.ok, answer.text[:300]
        return answer.json()

    def job(self, name: str, as_of: str = "") -> dict[str, Any]:
        """Run a job through the command line, as an operator would."""
        import json

        arguments = ["jobs", "run", name, *(["--as-of", as_of] if as_of else [])]
        result = self.app.test_cli_runner().invoke(args=arguments)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout.strip().splitlines()[-1])["result"]


@contextmanager
def serving(database_url: str, folder: Path) -> Iterator[Stack]:
    """Start the sandbox and the mall on this database."""
    sandbox_server, mall_server = Server(), Server()
    sandbox = sandbox_config.init(
        folder / "sandbox",
        mall_url=mall_server.url,
        sandbox_url=sandbox_server.url,
        mode="safe",
    )
    app = create_app(
        load(
            {
                **sandbox_config.environment(sandbox),
                "APP_ENV": "test",
                "SECRET_KEY": os.urandom(24).hex(),
                "DATA_KEYS": "t1:" + base64.b64encode(os.urandom(32)).decode(),
                "DATABASE_URL": database_url,
                "REDIS_URL": os.environ.get("TEST_REDIS_URL", ""),
                "PUBLIC_BASE_URL": mall_server.url,
                "DATA_DIR": str(folder / "data"),
                "LOG_LEVEL": "ERROR",
            }
        )
    )
    with app.app_context():
        upgrade()
        # What a test does to the reply rules is there at once, and gone with the test.
        wechat.current().replies.seconds = 0
        app.extensions["brief"].seconds = 0
        app.extensions["footprints"].seconds = 0
        # One test's broken WeChat is not another's.
        wechat.current().account.silence.seconds = 0
    sandbox_app = create_sandbox(folder / "sandbox")
    sandbox_server.start(sandbox_app)
    mall_server.start(app)
    try:
        yield Stack(app, mall_server.url, sandbox_server.url, sandbox)
    finally:
        mall_server.stop()
        sandbox_server.stop()
        sandbox_app.extensions["sandbox"].close()
        with app.app_context():
            db.engine.dispose()


def forget_tokens(stack: Stack) -> None:
    """Drop cached tokens and tickets, which a reset of the sandbox makes worthless."""
    cache = stack.app.extensions["cache"]
    for name in ("access_token", "jsapi_ticket", "jsapi_ticket_expires_at"):
        cache.delete(f"wechat:{stack.sandbox.appid}_{name}")


def wait_for(condition: Callable[[], Any], seconds: float = 15) -> Any:
    """The value of `condition()` as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError("the condition did not come true")
