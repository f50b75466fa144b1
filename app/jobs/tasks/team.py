"""The distributors' levels, rankings and bonuses, and what WeChat keeps of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from app import (
    commission,
    distribution,
    members,
    wechat,
)
from app.core.db import db, run_unit
from app.distribution import channels, levels
from app.jobs.tasks.base import Result, RowsFailed, each
from app.wechat import scenes, tags


def review_levels(now: datetime, dry_run: bool) -> Result:
    """Lower who missed the keep rule of the period that ended last (保级考核)."""
    total: Counter[str] = Counter()
    last = 0
    while ids := levels.due_for_review(now, after_id=last):
        last = ids[-1]
        try:
            total.update(
                each(ids, lambda row: run_unit(commission.standing.review, row, now=now), dry_run)
            )
        except RowsFailed as failed:
            total.update(failed.result)
    db.session.rollback()
    result = {"due": 0, **total}
    if total["failed"]:
        raise RowsFailed(result)
    return result


def rank(now: datetime, dry_run: bool) -> Result:
    """Compute the rankings of this week and month (计算排行榜)."""
    return {} if dry_run else dict(commission.team.rank(now))


def bonus(now: datetime, dry_run: bool) -> Result:
    """Compute bonuses of periods that are over, and take back what refunds changed (返利).

    A period is computed once; again as long as nobody decided about it.
    """
    due, blocked = commission.bonus.runs.due(now)
    parts: list[tuple[Sequence[Any], Callable[[Any], str]]] = [
        (
            due,
            lambda row: run_unit(commission.bonus.runs.compute, row.program_id, row.span, now=now),
        ),
        (
            commission.bonus.runs.untouched(),
            lambda row: run_unit(commission.bonus.runs.recompute, row, now=now),
        ),
        (
            commission.bonus.corrections.due(now),
            lambda row: run_unit(commission.bonus.corrections.correct, row, now=now),
        ),
    ]
    total: Counter[str] = Counter()
    for rows, act in parts:
        try:
            total.update(each(rows, act, dry_run))
        except RowsFailed as failed:
            total.update(failed.result)
    # What is as it was is no work done.
    del total["same"], total["due"]
    result = {**({"due": len(due)} if dry_run else {}), "blocked": blocked, **total}
    if total["failed"]:
        raise RowsFailed(result)
    if not dry_run:
        run_unit(commission.bonus.corrections.note_checked, now)
    return result


def renew_scenes(now: datetime, dry_run: bool) -> Result:
    """Have WeChat make QR codes that are missing or end soon (续期推广码).

    Of distributors and of channels; one's trouble is not the other's.
    """
    account = wechat.current().account

    def renew(code_id: int) -> str:
        code = distribution.code_text(code_id)
        db.session.rollback()
        try:
            scene = account.temporary_scene(code)
        except wechat.WeChatUnavailable:
            return "unclear"
        run_unit(
            distribution.keep_scene,
            code_id,
            ticket=scene.ticket,
            url=scene.url,
            lasts=timedelta(seconds=scene.seconds),
            now=now,
        )
        return "renewed"

    def make(channel_id: int) -> str:
        try:
            scenes.make(account, channel_id, now=now)
        except wechat.WeChatUnavailable:
            return "unclear"
        return "renewed"

    due: list[tuple[Callable[[int], str], int]] = [
        *((renew, code_id) for code_id in distribution.codes_to_renew(now)),
        *((make, channel_id) for channel_id in channels.to_make(now)),
    ]
    return each(due, lambda row: row[0](row[1]), dry_run)


def sync_tags(now: datetime, dry_run: bool) -> Result:
    """Let tags at WeChat follow who is a distributor, and on which level (同步标签)."""
    wanted = distribution.following_openids()
    by_level, ours = levels.following_openids(), levels.own_tags()
    db.session.rollback()
    if dry_run:
        return {"due": len(wanted)}
    result = tags.repair_all(
        wechat.current().account,
        {tags.DISTRIBUTOR_TAG: wanted, **by_level},
        emptied=ours - by_level.keys(),
    )
    if result.get("failed"):
        raise RowsFailed(result)
    return result


def sync_followers(now: datetime, dry_run: bool) -> Result:
    """Mark who follows the account, also those from before the mall was (同步关注)."""
    known = members.followers()
    db.session.rollback()
    if dry_run:
        return {"known": len(known)}
    came, left = run_unit(members.correct_followers, known, wechat.current().account.followers())
    return {"came": came, "left": left}
