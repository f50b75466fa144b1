"""Levels of distributors: the ladder, its editor, and every step on it."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import commission
from app.admin import auth, tables, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables.relations import LEVEL_CHANGES
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput, NotFound
from app.core.money import parse_yuan, plain_yuan
from app.distribution import levels
from app.distribution.levels import Conditions, Level, LevelInput, Metric

# What the keep rule may ask for: one's own doings only.
_OWN = tuple(metric for metric in Metric if metric not in levels.TEAM_METRICS)


@bp.get("/levels", endpoint="levels")
@requires(Permission.DISTRIBUTOR_VIEW)
def level_list() -> ResponseReturnValue:
    return _list()


@bp.get("/level-new")
@requires(Permission.LEVEL_CHANGE)
def level_new() -> ResponseReturnValue:
    highest = levels.ladder().levels[-1].rank
    return _form(None, {"rank": str(min(highest + 10, levels.RANK_MAX))})


@bp.post("/level-new")
@requires(Permission.LEVEL_CHANGE)
def level_create() -> ResponseReturnValue:
    return _save(web.form_text("code", 20).strip(), is_new=True)


@bp.get("/levels/<level_code>")
@requires(Permission.LEVEL_CHANGE)
def level(level_code: str) -> ResponseReturnValue:
    found = levels.ladder().get(level_code)
    if found is None:
        raise NotFound("没有这个等级")
    return _form(found, _typed(found))


@bp.post("/levels/<level_code>")
@requires(Permission.LEVEL_CHANGE)
def level_change(level_code: str) -> ResponseReturnValue:
    return _save(level_code, is_new=False)


@bp.post("/levels/<level_code>/switch")
@requires(Permission.LEVEL_CHANGE)
def level_switch(level_code: str) -> ResponseReturnValue:
    is_active = request.form.get("is_active") == "1"
    try:
        run_unit(
            levels.switch, level_code, is_active=is_active, actor=auth.actor(), now=clock.now()
        )
    except InvalidInput as error:
        return _list(error), error.status
    flash(
        "等级已启用" if is_active else "等级已停用：已在这个等级的分销员保持不变，不再有人升到这里"
    )
    return redirect(url_for(".levels"))


@bp.post("/levels/<level_code>/remove")
@requires(Permission.LEVEL_CHANGE)
def level_remove(level_code: str) -> ResponseReturnValue:
    try:
        run_unit(commission.standing.remove_level, level_code, actor=auth.actor(), now=clock.now())
    except (InvalidInput, levels.LevelInUse, commission.LevelInPlan) as error:
        return _list(error), error.status
    flash("等级已删除")
    return redirect(url_for(".levels"))


@bp.get("/level-changes")
@requires(Permission.DISTRIBUTOR_VIEW)
def level_changes() -> ResponseReturnValue:
    """Every step on the ladder, the newest first."""
    if (led := tables.opening(LEVEL_CHANGES)) is not None:
        return led
    return render_template(
        "admin/level_changes.html",
        table=tables.show(LEVEL_CHANGES),
        causes=[("", "全部"), *((key, said) for key, (said, _) in words.levels.CAUSE.items())],
        ladder=[("", "全部"), *levels.names().items()],
    )


def _list(error: DomainError | None = None) -> str:
    ladder = levels.ladder()
    return render_template(
        "admin/levels.html",
        rows=ladder.levels[::-1],
        holders=levels.holders(),
        full=len(ladder.levels) >= levels.LEVELS_MAX,
        allows_team=ladder.allows_team,
        refused=error.message if error else "",
        may_change=auth.allowed(Permission.LEVEL_CHANGE),
    )


def _save(code: str, *, is_new: bool) -> ResponseReturnValue:
    found = None if is_new else levels.ladder().get(code)
    try:
        run_unit(
            levels.save, code, _read(found), is_new=is_new, actor=auth.actor(), now=clock.now()
        )
    except InvalidInput as error:
        return _form(found, request.form.to_dict(), error), error.status
    flash("等级已保存，公众号标签会在几分钟内同步")
    return redirect(url_for(".levels"))


def _read(found: Level | None) -> LevelInput:
    """The form as the service takes it. Raises InvalidInput naming the form's field."""
    name = web.form_text("name", 30)
    benefits = web.form_text("benefits", levels.BENEFITS_CHARS_MAX)
    if found is not None and found.is_base:
        return LevelInput(name, benefits=benefits)
    asked = list(Metric) if levels.allows_team() else list(_OWN)
    return LevelInput(
        name,
        web.whole_number(web.form_text("rank", 3)) or 0,
        benefits,
        {"match": web.form_text("match", 5), **_numbers("conditions", asked)},
        {
            "period": web.form_text("keep.period", 10),
            "match": web.form_text("keep.match", 5),
            **_numbers("keep", _OWN),
        },
    )


def _numbers(prefix: str, asked: list[Metric] | tuple[Metric, ...]) -> dict[str, int]:
    """The figures that were typed; an empty field asks for nothing."""
    found = {}
    for metric in asked:
        key, title = f"{prefix}.{metric.value}", levels.METRIC_TITLES[metric]
        text = web.form_text(key, 20).strip().replace(",", "")
        if not text:
            continue
        if metric.value.endswith("_fen"):
            found[metric.value] = parse_yuan(text, field=key, label=title)
            continue
        number = web.whole_number(text)
        if number is None:
            raise InvalidInput(key, f"{title}应为正整数，不用的条件请留空")
        found[metric.value] = number
    return found


def _typed(found: Level) -> dict[str, Any]:
    """A level as its form has it."""
    return {
        "code": found.code,
        "name": found.name,
        "rank": str(found.rank),
        "benefits": found.benefits,
        "match": found.conditions.match.value,
        "keep.period": found.keep.period.value,
        "keep.match": found.keep.conditions.match.value,
        **_amounts("conditions", found.conditions),
        **_amounts("keep", found.keep.conditions),
    }


def _amounts(prefix: str, conditions: Conditions) -> dict[str, str]:
    return {
        f"{prefix}.{metric.value}": plain_yuan(n).removesuffix(".00")
        if metric.value.endswith("_fen")
        else str(n)
        for metric, n in conditions.least.items()
    }


def _form(found: Level | None, typed: dict[str, Any], error: InvalidInput | None = None) -> str:
    return render_template(
        "admin/level.html",
        level=found,
        typed=typed,
        errors={error.field: error.message} if error else {},
        metrics=list(Metric) if levels.allows_team() else _OWN,
        keep_metrics=_OWN,
        titles=levels.METRIC_TITLES,
    )
