"""Tags of the official account (用户标签) follow who may earn. wechat.md, section 6.

`repair` compares WeChat's list with ours and sends the difference, so it mends
whatever made them drift: a call that failed, a person who left and came back.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import structlog

from app.wechat.account import Account, WeChatUnavailable

# The menu for distributors is matched by this name (wechat_menus/distributors.json).
DISTRIBUTOR_TAG = "分销员"
BATCH = 50

log = structlog.get_logger()


def repair(account: Account, wanted: set[str]) -> dict[str, int]:
    """Give the distributors' tag to exactly these openids; return counts.

    Somebody whom WeChat refuses (they left unnoticed) is skipped and does not
    stop the others. Raises WeChatUnavailable when WeChat does not answer at all.
    """
    tag_id = account.tag_id(DISTRIBUTOR_TAG)
    tagged = account.openids_with_tag(tag_id)
    missing, surplus = sorted(wanted - tagged), sorted(tagged - wanted)
    given = _send(missing, lambda openids: account.tag(tag_id, openids))
    taken = _send(surplus, lambda openids: account.untag(tag_id, openids))
    return {
        "tagged": given,
        "untagged": taken,
        "skipped": len(missing) + len(surplus) - given - taken,
    }


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
