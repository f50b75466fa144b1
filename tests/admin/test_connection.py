"""公众号 > 连接检查: run on demand, addresses to copy, the MP_verify file."""

import io

import pytest

from app.wechat import doctor, verify_file
from app.wechat.doctor import Finding, Outcome
from tests.admin.desk import acts, make_admin, sign_in
from tests.stack import Stack

TEXT = "AbCd1234EfGh5678"


def send(client, name: str, content: bytes):
    return client.post(
        "/admin/wechat/verify-file",
        data={"file": (io.BytesIO(content), name)},
        content_type="multipart/form-data",
    )


def test_the_page_lists_what_the_consoles_want(session, admin_client):
    page = admin_client("operations").get("/admin/wechat/check").text

    assert "http://mall.test/wechat/callback" in page
    assert 'data-copy="http://mall.test/"' in page
    assert "还没有检查" in page


def test_a_check_runs_only_when_it_is_asked_for(session, admin_client, monkeypatch):
    asked = []

    def examine(config, *, verify_text):
        asked.append(verify_text)
        return [Finding("token", "取得 access_token", Outcome.FAILED, "错误码 40125", "重置它")]

    monkeypatch.setattr(doctor, "examine", examine)
    client = admin_client("owner")
    client.get("/admin/wechat/check")
    assert asked == []

    page = client.post("/admin/wechat/check").text

    assert asked == [""]
    assert "1 项没有通过" in page
    assert "错误码 40125" in page
    assert "重置它" in page


def test_against_the_sandbox_all_is_well(stack: Stack):
    make_admin("boss")
    client = stack.app.test_client()
    client.environ_base["HTTP_ORIGIN"] = stack.url
    sign_in(client, "boss")

    page = client.post("/admin/wechat/check").text

    assert "全部通过" in page
    assert "没有通过" not in page


def test_an_uploaded_file_is_served_and_logged(session, admin_client, client):
    answer = send(admin_client("operations"), f"MP_verify_{TEXT}.txt", TEXT.encode())

    assert answer.status_code == 302
    assert client.get(f"/MP_verify_{TEXT}.txt").text == TEXT
    assert [entry.after for entry in acts("settings.change")] == [{"wechat.verify_text": TEXT}]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("readme.txt", TEXT.encode(), "文件名应为"),
        (f"MP_verify_{TEXT}.txt", b"else", "文件内容与文件名不符"),
        ("", b"", "请选择"),
    ],
)
def test_another_file_is_refused_at_its_field(session, admin_client, name, content, says):
    answer = send(admin_client("owner"), name, content)

    assert answer.status_code == 422
    assert says in answer.text
    assert verify_file.current() == ""
    assert acts("settings.change") == []


@pytest.mark.parametrize("role", ["finance", "auditor"])
def test_others_may_neither_check_nor_upload(session, admin_client, role):
    client = admin_client(role)

    assert client.post("/admin/wechat/check").status_code == 403
    assert send(client, f"MP_verify_{TEXT}.txt", TEXT.encode()).status_code == 403
    assert verify_file.current() == ""
