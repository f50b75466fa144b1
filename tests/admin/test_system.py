"""What the server is, and how the shop stands with the law."""

from app.core import clock
from app.distribution import levels
from tests.factories import bind, make_distributor, make_member


def test_the_pages_say_what_is_so(session, admin_client):
    earner = make_distributor("陈梅", now=clock.now())
    bind(make_member("王芳", now=clock.now()), earner, now=clock.now())
    client = admin_client("owner")

    plain = client.get("/admin/compliance").text
    counted = client.get("/admin/compliance?tree=1").text
    system = client.get("/admin/system").text

    assert "有开关处于打开状态" not in plain
    assert "统计各层级人数" in plain
    assert "第 2 级" in counted
    assert "不知道备份放在哪里" in system


def test_an_open_switch_is_told(session, admin_client, monkeypatch):
    monkeypatch.setattr(levels.queries, "_allows_team", True)

    page = admin_client("owner").get("/admin/compliance").text

    assert "有开关处于打开状态" in page
    assert "传销" in page
