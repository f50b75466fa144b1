"""Tags of the official account (用户标签) follow who may earn, and on which level.

wechat.md, section 6.

`repair` compares WeChat's list with ours and sends the difference, so it mends
whatever made them drift: a call that failed, a person who left and came back.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

import structlog

from app.wechat.account import Account, WeChatUnavailable

# The menu for distributors is matched by this name (wechat_menus/distributors.json).
DISTRIBUTOR_TAG = "分销员"
BATCH = 50

log = structlog.get_logger()


def repair(account: Account, wanted: set[str], *, name: str = DISTRIBUTOR_TAG) -> dict[str, int]:
    """Give a tag to exactly these openids; return counts.

    Somebody whom WeChat refuses (they left unnoticed) is skipped and does not
    stop the others. Raises WeChatUnavailable when WeChat does not answer at all.
    """
    tag_id = account.tag_id(name)
    tagged = account.openids_with_tag(tag_id)
    missing, surplus = sorted(wanted - tagged), sorted(tagged - wanted)
    given = _send(missing, lambda openids: account.tag(tag_id, openids))
    taken = _send(surplus, lambda openids: account.untag(tag_id, openids))
    return {
        "tagged": given,
        "untagged": taken,
        "skipped": len(missing) + len(surplus) - given - taken,
    }


def repair_all(
    account: Account, wanted: Mapping[str, set[str]], *, emptied: Iterable[str] = ()
) -> dict[str, int]:
    """Give each tag to exactly its openids, take `emptied` from everybody; the sums.

    A level's tag that nobody wants is not made: an account has 100 of them. One
    that WeChat refuses (too many, a name it does not take) counts as `failed` and
    does not stop the others. Raises WeChatUnavailable when WeChat does not answer.
    """
    known = account.tags()
    total: Counter[str] = Counter(tagged=0, untagged=0, skipped=0)
    nobody: set[str] = set()
    # First what leaves people, who may have 20 tags each.
    for name, openids in [*((name, nobody) for name in sorted(emptied)), *wanted.items()]:
        if not openids and name not in known and name != DISTRIBUTOR_TAG:
            continue
        try:
            total.update(repair(account, openids, name=name))
        except WeChatUnavailable as error:
            if error.errcode is None:
                raise
            log.error("tag_not_repaired", name=name, why=str(error))
            total["failed"] += 1
    return dict(total)


def _send(openids: list[str], call: Callable[[list[str]], None]) -> int:
    done = 0
    for batch in _batches(openids):
        try:
            call(batch)
            done += len(batch)
        except WeChatUnavailable as error:
            if error.errcode is None:
                raise
            # One bad openid refuses the whole batch: find the good ones.
            done += sum(_alone(openid, call) for openid in batch)
    return done


def _alone(openid: str, call: Callable[[list[str]], None]) -> bool:
    try:
        call([openid])
    except WeChatUnavailable as error:
        if error.errcode is None:
            raise
        log.warning("tag_refused", why=str(error))
        return False
    return True


def _batches(openids: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(openids)
    while batch := list(islice(rest, BATCH)):
        yield batch
