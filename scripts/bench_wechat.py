"""WeChat Pay, as far as a benchmark needs it: whoever asks for a prepay id has paid.

A payment that is asked about was paid when its prepay id was made, so that the mall finds
one whose notice never came. Answers to a prepay are signed once a minute: what WeChat
takes for its own work is not the mall's.
`python -m scripts.bench_wechat PORT KEYS`
"""

import asyncio
import json
import sys
import time
from typing import Any

from scripts.wechat_sandbox import config as sandbox_config
from scripts.wechat_sandbox import signing
from scripts.wechat_sandbox.v3 import rfc3339

PREPAID = b'{"prepay_id":"wx21180000000000000000000000000000"}'
# WeChat's own answers may be five minutes old.
SIGNED_SECONDS = 60


class Pay:
    """What was prepaid, and the answers."""

    def __init__(self, keys: str) -> None:
        self.config = sandbox_config.load(keys)
        self.known: dict[str, dict[str, Any]] = {}
        self._prepaid = (0.0, b"")

    def answer(self, method: str, path: str, body: bytes) -> bytes:
        """The whole answer to one request."""
        number = path.partition("?")[0].rpartition("/")[2]
        if method == "GET" and number in self.known:
            return self._signed(json.dumps(self.known[number]).encode())
        if method == "POST" and path.endswith("/jsapi"):
            self._keep(json.loads(body))
        made, answer = self._prepaid
        if time.monotonic() - made > SIGNED_SECONDS or not answer:
            answer = self._signed(PREPAID)
            self._prepaid = (time.monotonic(), answer)
        return answer

    def _keep(self, asked: dict[str, Any]) -> None:
        number = asked["out_trade_no"]
        self.known[number] = {
            "mchid": asked["mchid"],
            "appid": asked["appid"],
            "out_trade_no": number,
            "transaction_id": f"42{number[-26:]:0>26}",
            "trade_state": "SUCCESS",
            "success_time": rfc3339(time.time()),
            "payer": asked["payer"],
            "amount": asked["amount"],
        }

    def _signed(self, body: bytes) -> bytes:
        headers = signing.answer_headers(self.config.platform_key, self.config.public_key_id, body)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n{head}\r\n"
        ).encode() + body


async def _serve(port: int, keys: str) -> None:
    pay = Pay(keys)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        lengths = (line for line in lines if line.lower().startswith("content-length:"))
        body = await reader.readexactly(int(next(lengths, ":0").partition(":")[2]))
        method, path, _ = lines[0].split(" ", 2)
        writer.write(pay.answer(method, path, body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", port, backlog=512)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2]))
