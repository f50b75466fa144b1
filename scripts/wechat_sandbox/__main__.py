"""Command line of the sandbox: init and serve."""

import argparse
import logging
import sys
import threading
import time
from pathlib import Path

from werkzeug.serving import WSGIRequestHandler, make_server

from . import config, people, push
from .server import create_app
from .store import Store


class QuietHandler(WSGIRequestHandler):
    """Keep HTTP/1.1 connections and say nothing: the call strip shows it better."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *args, **kwargs) -> None:
        pass


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.wechat_sandbox")
    commands = parser.add_subparsers(dest="command", required=True)
    init = commands.add_parser("init", help="make credentials and mall.env")
    init.add_argument("--dir", required=True)
    init.add_argument("--mall-url", default="http://127.0.0.1:8000")
    init.add_argument("--sandbox-url", default="http://127.0.0.1:8001")
    init.add_argument("--mode", choices=config.MODES)
    init.add_argument("--person", action="append", default=[], metavar="OPENID=NICKNAME")
    serve = commands.add_parser("serve", help="run the sandbox")
    serve.add_argument("--dir", required=True)
    serve.add_argument("--port", type=int, default=8001)
    options = parser.parse_args(arguments)
    return _init(options) if options.command == "init" else _serve(options)


def _init(options) -> int:
    made = config.init(
        options.dir, mall_url=options.mall_url, sandbox_url=options.sandbox_url, mode=options.mode
    )
    store = Store(Path(made.folder) / "sandbox.sqlite3")
    if not store.one("SELECT 1 FROM persons"):
        people.seed(store)
    for pair in options.person:
        openid, _, nickname = pair.partition("=")
        if not openid or not nickname:
            print(f"--person needs OPENID=NICKNAME, not {pair!r}", file=sys.stderr)
            return 2
        people.add(store, openid, nickname)
    store.close()
    print(f"sandbox: {made.sandbox_url}  environment of the mall: {made.folder}/mall.env")
    return 0


def _serve(options) -> int:
    logging.basicConfig(level=logging.WARNING)
    app = create_app(options.dir)
    box = app.extensions["sandbox"]
    server = make_server(
        "127.0.0.1", options.port, app, threaded=True, request_handler=QuietHandler
    )
    # As the console does when the address is saved; the mall may come up later.
    threading.Thread(target=_check_address, args=(box,), daemon=True).start()
    print(f"sandbox listens on http://127.0.0.1:{options.port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
        box.close()
    return 0


def _check_address(box) -> None:
    for _ in range(60):
        time.sleep(2)
        if push.check_url(box, waits=True)["status"]:
            return


if __name__ == "__main__":
    raise SystemExit(main())
