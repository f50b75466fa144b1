"""Menus: every limit, publishing, pulling and comparing, and WeChat refusing."""

import json
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

import config as configuration
from app import wechat
from app.audit import Actor, AuditEntry
from app.core import clock
from app.core.db import db
from app.core.errors import InvalidInput, NotFound
from app.wechat import menus
from app.wechat.menus import MenuBusy, MenuChanged, MenuUnavailable, MenuVersion, Rules
from tests.stack import Stack

LIN = "oSandbox_linjie_000000000001"
CHEN = "oSandbox_chenmei_00000000002"
OURS = configuration.ROOT / "wechat_menus"
RULES = Rules("https://mall.test", frozenset({"mp.weixin.qq.com"}))
DESK = Actor("admin:7", "192.0.2.1")

VIEW = {"type": "view", "name": "商城", "url": "{mall}/"}
SCAN = {"type": "scancode_push", "name": "扫码", "key": "scan"}


def view(**changes):
    return {**VIEW, **changes}


def with_sub(*children, name="更多"):
    return {"name": name, "sub_button": list(children)}


def default(*buttons):
    return {"button": list(buttons)}


def for_tag(tag, *buttons):
    return {"matchrule": {"tag": tag}, "button": list(buttons) or [VIEW]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the menus that come with the mall."""
    shutil.copytree(OURS, tmp_path / "menus")
    return tmp_path / "menus"


def put(folder: Path, name: str, document) -> None:
    (folder / name).write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def run(stack: Stack, command: str, folder: Path):
    return stack.app.test_cli_runner().invoke(
        args=["wechat", "menu", command, "--dir", str(folder)]
    )


def sent(stack: Stack) -> list[str]:
    """What was asked of WeChat about menus and tags, in order."""
    calls = [str(call) for call in stack.look("/calls")["calls"]]
    names = ("menu/create", "menu/addconditional", "menu/delconditional", "tags/create")
    return [name for call in calls for name in names if name in call]


def client():
    return wechat.current().account.client


def seen_by(openid: str) -> list[str]:
    return [button["name"] for button in client().menu.try_match(openid)["button"]]


def versions() -> list[MenuVersion]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(MenuVersion).order_by(MenuVersion.id)))


def acts(action: str) -> list[AuditEntry]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(AuditEntry).filter_by(action=action)))


# --- limits ------------------------------------------------------------------------

AT_LIMIT = {
    "name-16": default(view(name="商城商城好a")),
    "sub-name-60": default(with_sub(view(name="商" * 20))),
    "key-128": default({"type": "click", "name": "问", "key": "k" * 128}),
    "url-1024": default(view(url="{mall}/" + "a" * (1024 - len("https://mall.test/")))),
    "three-of-five": default(*[with_sub(*[VIEW] * 5)] * 3),
    "allowed-host": default(view(url="https://mp.weixin.qq.com/s/abc?x=1#rd")),
    "mini": default(
        {
            "type": "miniprogram",
            "name": "小程序",
            "url": "{mall}/",
            "appid": "wx0123456789abcdef",
            "pagepath": "pages/index",
        }
    ),
    **{kind: default({"type": kind, "name": "按", "key": "k"}) for kind in menus.KEY_TYPES},
    "article": default({"type": "article_id", "name": "文章", "article_id": "a1"}),
    "media": default({"type": "media_id", "name": "图片", "media_id": "m1"}),
}


@pytest.mark.parametrize("document", AT_LIMIT.values(), ids=AT_LIMIT)
def test_what_is_just_within_the_limits_passes(document):
    menus.check({"default.json": document}, RULES)


BEYOND = {
    "no-object": ([], "", "对象"),
    "no-buttons": ({}, "button", "1 到 3 个"),
    "0-buttons": (default(), "button", "1 到 3 个"),
    "4-buttons": (default(*[VIEW] * 4), "button", "1 到 3 个"),
    "buttons-not-list": ({"button": {"0": VIEW}}, "button", "1 到 3 个"),
    "button-no-object": (default("商城"), "button[0]", "对象"),
    "unknown-top": ({"button": [VIEW], "x": 1}, "x", "不认识"),
    "rule-on-default": (for_tag("分销员"), "matchrule", "不能有匹配条件"),
    "0-subs": (default(VIEW, with_sub()), "button[1].sub_button", "1 到 5 个"),
    "6-subs": (default(with_sub(*[VIEW] * 6)), "button[0].sub_button", "1 到 5 个"),
    "sub-no-object": (default(with_sub(1)), "button[0].sub_button[0]", "对象"),
    "three-levels": (
        default(with_sub(VIEW, with_sub(VIEW))),
        "button[0].sub_button[1].sub_button",
        "不能再有",
    ),
    "parent-with-type": (
        default(with_sub(VIEW) | {"type": "view"}),
        "button[0].type",
        "只能有名称",
    ),
    "name-17": (default(view(name="商城商城好ab")), "button[0].name", "16 字节"),
    "name-missing": (default({"type": "view", "url": "{mall}/"}), "button[0].name", "请填写名称"),
    "name-blank": (default(view(name=" ")), "button[0].name", "请填写名称"),
    "name-number": (default(view(name=5)), "button[0].name", "请填写名称"),
    "name-line": (default(view(name="a\nb")), "button[0].name", "控制字符"),
    "name-surrogate": (default(view(name="\ud800")), "button[0].name", "无法识别"),
    "parent-name-17": (
        default(VIEW, with_sub(VIEW, name="a" * 17)),
        "button[1].name",
        "16 字节",
    ),
    "sub-name-61": (
        default(VIEW, with_sub(view(name="商" * 20 + "a"))),
        "button[1].sub_button[0].name",
        "60 字节",
    ),
    "type-missing": (default({"name": "商城"}), "button[0].type", "类型"),
    "type-unknown": (default(view(type="news")), "button[0].type", "类型"),
    "type-list": (default(view(type=["view"])), "button[0].type", "类型"),
    "key-129": (
        default({"type": "click", "name": "问", "key": "k" * 129}),
        "button[0].key",
        "128 字节",
    ),
    "key-missing": (default({"type": "click", "name": "问"}), "button[0].key", "请填写 KEY"),
    "key-on-view": (default(view(key="k")), "button[0].key", "没有这个字段"),
    "url-missing": (default({"type": "view", "name": "商城"}), "button[0].url", "请填写网址"),
    "url-1025": (
        default(view(url="{mall}/" + "a" * (1025 - len("https://mall.test/")))),
        "button[0].url",
        "1024 字节",
    ),
    "foreign": (default(view(url="https://evil.example/")), "button[0].url", "evil.example"),
    "longer-host": (default(view(url="{mall}.evil.example/")), "button[0].url", "不能指向"),
    "user-part": (default(view(url="{mall}@evil.example/")), "button[0].url", "不能指向"),
    "allowed-user": (
        default(view(url="https://a@mp.weixin.qq.com/")),
        "button[0].url",
        "不能指向",
    ),
    "other-port": (default(view(url="{mall}:8443/")), "button[0].url", "不能指向"),
    "bad-port": (default(view(url="{mall}:x/")), "button[0].url", "格式不正确"),
    "plain-http": (default(view(url="http://mall.test/")), "button[0].url", "不能指向"),
    "backslash": (default(view(url="https://mall.test\\@evil.example")), "button[0].url", "符号"),
    "script": (default(view(url="javascript:alert(1)")), "button[0].url", "https://"),
    "no-host": (default(view(url="/orders")), "button[0].url", "{mall}"),
    "other-placeholder": (default(view(url="{mall}/p/{id}")), "button[0].url", "符号"),
    "unencoded": (default(view(url="{mall}/商品")), "button[0].url", "先编码"),
    "mini-no-page": (
        default(
            {
                "type": "miniprogram",
                "name": "小程序",
                "url": "{mall}/",
                "appid": "wx0123456789abcdef",
            }
        ),
        "button[0].pagepath",
        "请填写小程序页面路径",
    ),
    "mini-appid": (
        default(
            {
                "type": "miniprogram",
                "name": "小程序",
                "url": "{mall}/",
                "appid": "gh_1",
                "pagepath": "p",
            }
        ),
        "button[0].appid",
        "18 位",
    ),
    "media-missing": (
        default({"type": "media_id", "name": "图"}),
        "button[0].media_id",
        "请填写素材 ID",
    ),
}


@pytest.mark.parametrize(("document", "path", "says"), BEYOND.values(), ids=BEYOND)
def test_what_is_beyond_the_limits_is_refused_at_its_place(document, path, says):
    with pytest.raises(InvalidInput) as caught:
        menus.check({"default.json": document}, RULES)

    assert caught.value.field == (f"default.json: {path}" if path else "default.json")
    assert says in caught.value.message


CONDITIONS = {
    "missing": (default(VIEW), "matchrule", "需要匹配条件"),
    "empty": ({**default(VIEW), "matchrule": {}}, "matchrule", "需要匹配条件"),
    "sex": ({**default(VIEW), "matchrule": {"sex": "1"}}, "matchrule.sex", "只支持标签"),
    "tag-id": ({**default(VIEW), "matchrule": {"tag_id": "100"}}, "matchrule.tag_id", "名称"),
    "tag-blank": (for_tag(" "), "matchrule.tag", "请填写标签名"),
    "tag-31": (for_tag("商" * 10 + "a"), "matchrule.tag", "30 字节"),
    "tag-number": (for_tag(100), "matchrule.tag", "请填写标签名"),
    "tag-spaces": (for_tag(" VIP"), "matchrule.tag", "空格"),
    "4-hosts": (
        for_tag("VIP", with_sub(VIEW, *[view(url=f"https://h{n}.example/") for n in range(3)])),
        "button",
        "最多 3 个",
    ),
}


@pytest.mark.parametrize(("document", "path", "says"), CONDITIONS.values(), ids=CONDITIONS)
def test_a_conditional_menu_is_for_a_tag_and_nothing_else(document, path, says):
    rules = Rules(RULES.mall, frozenset(f"h{n}.example" for n in range(3)))

    with pytest.raises(InvalidInput) as caught:
        menus.check({"default.json": default(VIEW), "vip.json": document}, rules)

    assert caught.value.field == f"vip.json: {path}"
    assert says in caught.value.message


def test_two_menus_for_one_tag_are_refused():
    with pytest.raises(InvalidInput, match=r"VIP.*a\.json") as caught:
        menus.check(
            {"default.json": default(VIEW), "a.json": for_tag("VIP"), "b.json": for_tag("VIP")},
            RULES,
        )

    assert caught.value.field == "b.json: matchrule.tag"


FILES = {
    "no-default": ("default.json", None, "default.json", "缺少默认菜单"),
    "no-json": ("x.json", b'{"button": [\n,]}', "x.json", "第 2 行"),
    "no-utf8": ("x.json", b"\xff\xfe", "x.json", "UTF-8"),
    "deep": ("x.json", b"[" * 100_000, "x.json", "JSON"),
}


@pytest.mark.parametrize(("name", "content", "field", "says"), FILES.values(), ids=FILES)
def test_a_folder_that_cannot_be_read_is_refused(folder, name, content, field, says):
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)

    with pytest.raises(InvalidInput) as caught:
        menus.read(folder, RULES)

    assert (caught.value.field, says in caught.value.message) == (field, True)


def test_the_menus_that_come_with_the_mall_pass():
    assert list(menus.read(OURS, RULES)) == ["default.json", "distributors.json"]


def test_a_tag_has_a_file_of_its_own_whatever_its_name():
    known = {"distributors.json": for_tag("分销员")}

    assert menus.file_for("分销员", known) == "distributors.json"
    assert menus.file_for("VIP", known) == "tag-VIP.json"
    assert menus.file_for("../a", known) == "tag-2e2e2f61.json"


# --- the commands ------------------------------------------------------------------


def test_push_publishes_and_records_a_version(stack: Stack, folder):
    result = run(stack, "push", folder)

    assert result.exit_code == 0, result.output
    [version] = versions()
    assert result.stdout == (
        f"menu pushed: version {version.id} (default.json, distributors.json)\n"
    )
    assert version.documents == menus.read(folder, menus.rules())
    assert version.published_by == "system:cli"
    assert sent(stack) == ["tags/create", "menu/create", "menu/addconditional"]
    assert client().menu.get()["menu"]["button"][0]["url"] == f"{stack.url}/"
    [entry] = acts("menu.publish")
    assert (entry.actor, entry.subject_id, entry.after) == (
        "system:cli",
        version.id,
        {"menu_version": version.id},
    )


def test_push_again_is_the_same_version_and_leaves_no_second_menu(stack: Stack, folder):
    run(stack, "push", folder)
    run(stack, "push", folder)

    assert len(versions()) == 1
    assert len(client().menu.get()["conditionalmenu"]) == 1
    assert sent(stack).count("tags/create") == 1


def test_a_conditional_menu_is_seen_by_those_with_the_tag_only(stack: Stack, folder):
    run(stack, "push", folder)
    [tag] = [t for t in client().tag.get() if t["name"] == "分销员"]
    client().tag.tag_user(tag["id"], LIN)

    assert seen_by(LIN) == ["进入商城", "推广", "我的"]
    assert seen_by(CHEN) == ["进入商城", "分销", "我的"]

    (folder / "distributors.json").unlink()
    run(stack, "push", folder)

    assert seen_by(LIN) == ["进入商城", "分销", "我的"]


def test_one_bad_file_and_nothing_is_sent(stack: Stack, folder):
    put(folder, "zz.json", for_tag("VIP", with_sub(view(url="https://evil.example/"))))

    result = run(stack, "push", folder)

    assert result.exit_code == 1
    assert "zz.json: button[0].sub_button[0].url: 不能指向 evil.example" in result.output
    assert sent(stack) == []
    assert versions() == []
    assert acts("menu.publish") == []


def test_pull_writes_what_wechat_has(stack: Stack, folder, tmp_path):
    put(folder, "vip.json", for_tag("VIP", SCAN))
    run(stack, "push", folder)
    before = menus.read(folder, menus.rules())
    put(folder, "default.json", default(view(name="别的")))
    put(folder, "stale.json", for_tag("旧", VIEW))
    (folder / "notes.json").write_text('{"about": "no menu"}')

    result = run(stack, "pull", folder)

    assert result.exit_code == 0, result.output
    assert "removed stale.json" in result.stdout
    assert (folder / "notes.json").exists()
    (folder / "notes.json").unlink()
    assert menus.read(folder, menus.rules()) == before
    assert '"url": "{mall}/me/wallet"' in (folder / "default.json").read_text()

    run(stack, "pull", tmp_path / "new" / "folder")
    assert sorted(f.name for f in (tmp_path / "new" / "folder").iterdir()) == [
        "default.json",
        "tag-VIP.json",
        "tag-分销员.json",
    ]


def test_pull_without_a_menu_changes_nothing(stack: Stack, folder):
    before = {file.name: file.read_bytes() for file in folder.iterdir()}

    result = run(stack, "pull", folder)

    assert result.exit_code == 1
    assert "没有通过接口发布的菜单" in result.output
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_diff_is_silent_when_nothing_differs(stack: Stack, folder):
    run(stack, "push", folder)

    result = run(stack, "diff", folder)

    assert (result.exit_code, result.output) == (0, "")


def test_diff_names_each_difference(stack: Stack, folder):
    put(folder, "vip.json", for_tag("VIP"))
    run(stack, "push", folder)
    (folder / "vip.json").unlink()
    put(folder, "new.json", for_tag("新"))
    changed = json.loads((folder / "default.json").read_text())
    changed["button"][1]["sub_button"][0]["name"] = "推广码"
    changed["button"][2]["sub_button"].append(VIEW)
    put(folder, "default.json", changed)

    result = run(stack, "diff", folder)

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        'default.json: button[1].sub_button[0].name: 本地 "推广码"，微信 "我的推广码"',
        'default.json: button[2].sub_button[2]: 本地 {"type": "view", "name": "商城", "url": "{mall}/"}，微信 无',
        "new.json: 微信上没有",
        "tag-VIP.json: 只在微信上有",
    ]


def test_diff_before_the_first_push(stack: Stack, folder):
    result = run(stack, "diff", folder)

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "default.json: 微信上没有",
        "distributors.json: 微信上没有",
    ]


# --- WeChat refusing -----------------------------------------------------------------


@pytest.mark.parametrize("command", ["push", "pull", "diff"])
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"kind": "errcode", "errcode": 48001}, "已认证的公众号）（错误码 48001）"),
        ({"kind": "errcode", "errcode": 40164}, "IP 白名单"),
        ({"kind": "errcode", "errcode": 45009}, "次数已用完"),
        ({"kind": "errcode", "errcode": 99999, "errmsg": "odd"}, "拒绝了请求（odd）"),
        ({"kind": "status", "status": 500}, "没有答复"),
        ({"kind": "html"}, "没有答复"),
        ({"kind": "html", "status": 200}, "没有答复"),
        ({"kind": "drop"}, "没有答复"),
    ],
    ids=["48001", "40164", "45009", "unknown", "500", "html-502", "html-200", "drop"],
)
def test_wechats_refusal_is_said_in_words(stack: Stack, folder, command, fault, says):
    stack.control("/faults", target="/cgi-bin/menu/get", times=5, **fault)

    result = run(stack, command, folder)

    assert result.exit_code == 1
    assert says in result.output
    assert "Traceback" not in result.output
    assert versions() == []


def test_a_wrong_secret_is_said_in_words(stack: Stack, folder):
    stack.control("/faults", target="/cgi-bin/stable_token", kind="errcode", errcode=40125)

    result = run(stack, "push", folder)

    assert "AppSecret 不正确" in result.output
    assert versions() == []


def test_an_answer_that_is_a_page_is_no_success(stack: Stack, folder):
    stack.control("/faults", target="/cgi-bin/menu/create", kind="html", status=200)

    result = run(stack, "push", folder)

    assert result.exit_code == 1
    assert "default.json：微信暂时没有答复" in result.output
    assert versions() == []


def test_half_a_push_says_what_was_taken_and_can_be_repeated(stack: Stack, folder):
    stack.control("/faults", target="/cgi-bin/menu/addconditional", kind="errcode", errcode=45009)

    result = run(stack, "push", folder)

    assert result.exit_code == 1
    assert "distributors.json：今天调用微信接口的次数已用完" in result.output
    assert "已发布：default.json" in result.output
    assert versions() == []
    [entry] = acts("menu.publish_half")
    assert entry.after == {"sent": ["default.json"]}

    assert run(stack, "push", folder).exit_code == 0
    assert run(stack, "diff", folder).exit_code == 0


def test_a_push_that_failed_keeps_the_old_conditional_menu(stack: Stack, folder):
    run(stack, "push", folder)
    stack.control("/faults", target="/cgi-bin/menu/addconditional", kind="status", status=500)

    run(stack, "push", folder)

    assert len(client().menu.get()["conditionalmenu"]) == 1


def test_old_menus_that_stay_are_said_and_go_at_the_next_push(stack: Stack, folder):
    run(stack, "push", folder)
    stack.control("/faults", target="/cgi-bin/menu/delconditional", kind="status", status=500)

    result = run(stack, "push", folder)

    assert result.exit_code == 1
    assert "新菜单已发布，但旧的个性化菜单没有删完" in result.output
    assert acts("menu.publish_half")[0].after == {"sent": ["default.json", "distributors.json"]}
    assert len(client().menu.get()["conditionalmenu"]) == 2

    assert run(stack, "push", folder).exit_code == 0
    assert len(client().menu.get()["conditionalmenu"]) == 1


def test_an_old_menu_that_is_gone_already_is_no_failure(stack: Stack, folder):
    run(stack, "push", folder)
    stack.control("/faults", target="/cgi-bin/menu/delconditional", kind="errcode", errcode=65301)

    assert run(stack, "push", folder).exit_code == 0


# --- publishing --------------------------------------------------------------------


def test_of_two_menus_for_a_tag_the_newest_counts(stack: Stack):
    menus.publish(
        {"default.json": default(VIEW), "vip.json": for_tag("VIP", view(name="旧"))},
        actor=DESK,
        now=clock.now(),
    )
    [tag] = client().tag.get()
    client().menu.add_conditional(
        {
            "button": [{**VIEW, "name": "新", "url": f"{stack.url}/"}],
            "matchrule": {"tag_id": str(tag["id"])},
        }
    )

    assert menus.at_wechat()["tag-VIP.json"] == for_tag("VIP", view(name="新"))


def test_a_foreign_address_stays_as_it_is(stack: Stack):
    page = "https://mp.weixin.qq.com/s/abc"
    documents = {"default.json": default(view(url=page), view(url="{mall}?a=1"), SCAN)}

    menus.publish(documents, actor=DESK, now=clock.now())

    assert menus.at_wechat() == documents


def test_our_address_written_out_is_our_address(stack: Stack, folder):
    put(folder, "default.json", default(view(url=f"{stack.url}/orders")))

    run(stack, "push", folder)

    assert run(stack, "diff", folder).output == ""
    assert versions()[0].documents["default.json"] == default(view(url="{mall}/orders"))


def test_work_of_somebody_else_is_not_overwritten(stack: Stack):
    first = menus.publish({"default.json": default(VIEW)}, actor=DESK, now=clock.now()).id
    second = menus.publish(
        {"default.json": default(SCAN)}, actor=DESK, now=clock.now(), seen_version=first
    ).id

    with pytest.raises(MenuChanged):
        menus.publish(
            {"default.json": default(VIEW, SCAN)},
            actor=DESK,
            now=clock.now(),
            seen_version=first,
        )

    assert menus.at_wechat() == {"default.json": default(SCAN)}
    assert [row.id for row in versions()] == [first, second]


def test_two_do_not_publish_at_once(stack: Stack, monkeypatch):
    def taken(*_args, **_kwargs):
        raise TimeoutError

    monkeypatch.setattr(stack.app.extensions["cache"], "lock", taken)

    with pytest.raises(MenuBusy):
        menus.publish({"default.json": default(VIEW)}, actor=DESK, now=clock.now())

    assert sent(stack) == []


def test_a_note_has_an_end(stack: Stack):
    with pytest.raises(InvalidInput, match="最多 200 个字"):
        menus.publish({"default.json": default(VIEW)}, actor=DESK, now=clock.now(), note="字" * 201)

    assert sent(stack) == []


def test_a_version_that_is_not_there(session):
    with pytest.raises(NotFound):
        menus.version(999)


def test_a_menu_whose_tag_is_gone_is_shown_and_cannot_be_pushed(stack: Stack, folder):
    run(stack, "push", folder)
    [tag] = client().tag.get()
    client().tag.delete(tag["id"])

    run(stack, "pull", folder)
    result = run(stack, "push", folder)

    assert result.exit_code == 1
    assert f"tag-id-{tag['id']}.json: matchrule.tag_id: 匹配条件只支持标签" in result.output


def test_unavailable_is_told_apart_from_no_menu(stack: Stack):
    assert menus.at_wechat() == {}
    stack.control("/faults", target="/cgi-bin/menu/get", kind="status", status=503)

    with pytest.raises(MenuUnavailable) as caught:
        menus.at_wechat()

    assert caught.value.facts == {}
