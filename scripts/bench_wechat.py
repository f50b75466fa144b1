"""WeChat Pay, as far as a benchmark needs it: every call is answered with a prepay id.

The answer is signed once: what WeChat takes for its own work is not the mall's.
`python -m scripts.bench_wechat PORT KEYS`
"""

import asyncio
import sys

from scripts.wechat_sandbox import config as sandbox_config
from scripts.wechat_sandbox import signing

BODY = b'{"prepay_id":"wx21180000000000000000000000000000"}'


async def _serve(port: int, keys: str) -> None:
    config = sandbox_config.load(keys)
    headers = signing.answer_headers(config.platform_key, config.public_key_id, BODY)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    answer = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n"
        f"Connection: close\r\n{head}\r\n"
    ).encode() + BODY

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        length = next((line for line in lines if line.startswith("content-length:")), ":0")
        await reader.readexactly(int(length.partition(":")[2]))
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", port, backlog=512)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2]))
