"""Business settings: each with its value, its meaning and its history.

Those that decide about money leaving are proposed by one admin and put in force by another.
"""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import catalog, settings
from app.admin import auth, people, picker, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput, NotFound
from app.core.money import format_yuan, parse_yuan, plain_yuan
from app.settings.registry import ALL, JOIN_PRODUCTS, JOIN_PRODUCTS_MAX

GROUPS = (
    ("shop", "店铺"),
    ("order", "订单"),
    ("commission", "佣金"),
    ("distribution", "分销"),
    ("binding", "客户归属"),
    ("withdraw", "提现"),
    ("tax", "个人所得税"),
    ("wechat", "公众号"),
    ("admin", "后台安全"),
)
# What is asked once more before it is saved.
_CONFIRM = {
    "tax.method": "从现在起，新的提现按这种方式代扣个人所得税，已提交的不变。请确认已与会计核对。",
}


@bp.get("/settings")
@requires(Permission.SETTINGS_VIEW)
def settings_list() -> ResponseReturnValue:
    values = settings.everything()
    wanted = request.args.get("q", "").strip()[:40]
    waiting = settings.open_proposals()
    titles = dict(GROUPS)
    groups: dict[str, list[dict[str, object]]] = {title: [] for title in titles.values()}
    for key, item in ALL.items():
        if wanted and wanted.casefold() not in f"{item.title}{item.help}{key}".casefold():
            continue
        title = titles.get(key.partition(".")[0], "其他")
        groups.setdefault(title, []).append(
            {
                "key": key,
                "item": item,
                "shown": shown(key, values[key]),
                "is_default": values[key] == item.default,
            }
        )
    return render_template(
        "admin/settings.html",
        groups=groups,
        wanted=wanted,
        waiting=[_told(row) for row in waiting],
        waiting_keys={row.key for row in waiting},
        people=people.names(row.proposed_by for row in waiting),
    )


@bp.get("/settings/<key>")
@requires(Permission.SETTINGS_VIEW)
def setting(key: str) -> ResponseReturnValue:
    return _page(key)


@bp.post("/settings/<key>")
@requires(Permission.SETTINGS_CHANGE)
def setting_change(key: str) -> ResponseReturnValue:
    item = _known(key)
    text = _typed_products() if key == JOIN_PRODUCTS.key else web.form_text("value")
    if picker.is_search():
        return _page(key, typed=text)
    act = settings.propose if item.two_people else settings.change
    try:
        run_unit(act, key, _read(item, text), actor=auth.actor(), now=clock.now())
    except InvalidInput as error:
        return _page(key, typed=text, error=error.message), error.status
    except DomainError as error:
        flash(error.message, "error")
    else:
        said = "已提交，请由另一位管理员确认后生效" if item.two_people else "已保存，立即生效"
        flash(f"“{item.title}”{said}")
    return redirect(url_for(".setting", key=key))


@bp.post("/settings/proposals/<int:proposal_id>/agree")
@requires(Permission.SETTINGS_CHANGE)
def setting_agree(proposal_id: int) -> ResponseReturnValue:
    return _decide(proposal_id, agrees=True, said="已确认，立即生效")


@bp.post("/settings/proposals/<int:proposal_id>/refuse")
@requires(Permission.SETTINGS_CHANGE)
def setting_refuse(proposal_id: int) -> ResponseReturnValue:
    return _decide(proposal_id, agrees=False, said="已驳回，设置没有变")


def _decide(proposal_id: int, *, agrees: bool, said: str) -> ResponseReturnValue:
    try:
        row = run_unit(
            settings.decide, proposal_id, agrees=agrees, actor=auth.actor(), now=clock.now()
        )
    except NotFound:
        raise
    except DomainError as error:
        flash(error.message, "error")
        return redirect(url_for(".settings_list"), 303)
    flash(f"“{_known(row.key).title}”{said}")
    return redirect(url_for(".setting", key=row.key), 303)


def _told(row: settings.SettingProposal) -> dict[str, object]:
    """A proposal as people read it."""
    return {
        "row": row,
        "item": _known(row.key),
        "before": shown(row.key, row.before),
        "after": shown(row.key, row.value),
        "is_own": row.proposed_by == auth.actor().ref,
    }


def shown(key: str, value: object) -> str:
    """A stored value as people read it: yuan for fen, words for choices."""
    item = _known(key)
    if isinstance(value, bool):
        return "是" if value else "否"
    if key.endswith("_fen") and isinstance(value, int):
        return f"¥{format_yuan(value)}"
    if key.endswith("_bps") and isinstance(value, int):
        return words.percent(value)
    if item.choices:
        return dict(item.choices).get(str(value), str(value))
    if value == "":
        return "未设置"
    if key == JOIN_PRODUCTS.key:
        ids = _product_ids(str(value))
        titles = catalog.titles_of(ids)
        return "、".join(titles.get(each, f"已删除的商品 {each}") for each in ids)
    unit = f" {item.unit}" if item.unit else ""
    return f"{value}{unit}"


def _page(key: str, *, typed: str | None = None, error: str = "") -> str:
    item = _known(key)
    value = settings.everything()[key]
    changes = settings.history(key)
    is_money = key.endswith("_fen")
    proposal = settings.open_proposal(key)
    return render_template(
        "admin/setting.html",
        item=item,
        key=key,
        now_shown=shown(key, value),
        default_shown=shown(key, item.default),
        bounds=bounds_words(item),
        is_money=is_money,
        is_switch=isinstance(item.default, bool),
        field_value=typed if typed is not None else _typed(value, is_money=is_money),
        error=error,
        changes=[(row, shown(key, row.value)) for row in changes],
        changers=people.names(row.changed_by for row in changes),
        confirm=_CONFIRM.get(key, ""),
        picked=picker.picked(_product_ids(typed if typed is not None else str(value)))
        if key == JOIN_PRODUCTS.key
        else None,
        products_most=JOIN_PRODUCTS_MAX,
        proposal=_told(proposal) if proposal else None,
        proposer=people.names([proposal.proposed_by]) if proposal else {},
        may_change=auth.allowed(Permission.SETTINGS_CHANGE),
    )


def _typed_products() -> str:
    """The ticked products as the setting keeps them; those of an earlier page may be gone."""
    ids = picker.typed_ids("value")
    known = catalog.titles_of(ids)
    return ",".join(str(each) for each in ids if each in known)


def _product_ids(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part]


def _known(key: str) -> settings.Setting[int] | settings.Setting[str] | settings.Setting[bool]:
    found = ALL.get(key)
    if found is None:
        raise NotFound("没有这项设置")
    return found


def _read(
    item: settings.Setting[int] | settings.Setting[str] | settings.Setting[bool], text: str
) -> object:
    """What was typed, as the setting's own type. Raises InvalidInput."""
    text = text.strip()
    if isinstance(item.default, bool):
        return text == "1"
    if isinstance(item.default, str):
        return text
    if item.key.endswith("_fen"):
        fen = parse_yuan(text, field=item.key, label=item.title)
        for bound, says in ((item.least, "小于"), (item.most, "大于")):
            if bound is not None and (fen < bound if says == "小于" else fen > bound):
                raise InvalidInput(item.key, f"{item.title}不能{says} ¥{format_yuan(bound)}")
        return fen
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidInput(item.key, f"{item.title}应为整数")
    return int(text)


def _typed(value: object, *, is_money: bool) -> str:
    if isinstance(value, bool):
        return "1" if value else ""
    if is_money and isinstance(value, int):
        return plain_yuan(value)
    return str(value)


def bounds_words(
    item: settings.Setting[int] | settings.Setting[str] | settings.Setting[bool],
) -> str:
    """The least and the most of a number, as people read it; empty for anything else."""
    if isinstance(item.default, bool | str) or item.least is None or item.most is None:
        return ""
    return f"{shown(item.key, item.least)} 到 {shown(item.key, item.most)}"
