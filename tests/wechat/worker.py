"""What each process of test_processes.py runs; it imports little, for there are many."""

from multiprocessing.synchronize import Barrier
from pathlib import Path

from app.core.cache import Cache
from app.wechat.account import Account


def ask(
    barrier: Barrier, folder: str, redis_url: str, appid: str, secret: str, base: str, number: int
) -> None:
    """What a web worker does first of all. Ends with 1 if it fails."""
    account = Account(
        appid=appid,
        secret=secret,
        api_base=base,
        open_base=base,
        mp_base=base,
        public_base=base,
        cache=Cache(Path(folder), redis_url),
    )
    barrier.wait(60)
    account.temporary_scene(f"CODE{number}")
