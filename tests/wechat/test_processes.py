"""Twenty processes that start at once make one token call, whatever cache they share."""

import multiprocessing
import os
from pathlib import Path

import pytest

from app.core.cache import Cache
from tests.stack import Stack
from tests.wechat.test_account import token_calls
from tests.wechat.worker import ask

pytestmark = pytest.mark.engine_free

PROCESSES = 20
APP_ID_KEY = "wechat:{}_access_token"


@pytest.fixture(params=["files", "redis"])
def redis_url(request: pytest.FixtureRequest) -> str:
    if request.param == "files":
        return ""
    url = os.environ.get("TEST_REDIS_URL", "")
    if not url:
        pytest.skip("TEST_REDIS_URL names no Redis")
    return url


def test_twenty_processes_make_one_token_call(stack: Stack, tmp_path: Path, redis_url: str):
    sandbox = stack.sandbox
    Cache(tmp_path, redis_url).delete(APP_ID_KEY.format(sandbox.appid))
    # Processes of their own, and not copies of this one with its threads and servers.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "tests.wechat.worker"])
    barrier = context.Barrier(PROCESSES)
    given = (str(tmp_path), redis_url, sandbox.appid, sandbox.secret, stack.sandbox_url)
    processes = [
        context.Process(target=ask, args=(barrier, *given, number), daemon=True)
        for number in range(PROCESSES)
    ]

    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0] * PROCESSES
    assert token_calls(stack) == 1
    assert len(stack.look("/qrcodes")["qrcodes"]) == PROCESSES
