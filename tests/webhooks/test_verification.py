"""MP_verify_….txt: exactly the file that was uploaded, for anybody, and no other."""

import pytest

from app.core import clock
from app.core.db import transaction
from app.core.errors import InvalidInput
from app.wechat import verify_file
from tests.admin.desk import acts
from tests.factories import ADMIN

TEXT = "AbCd1234EfGh5678"
NAME = f"MP_verify_{TEXT}.txt"


def upload(name: str = NAME, content: bytes = TEXT.encode()) -> str:
    with transaction():
        return verify_file.upload(name, content, actor=ADMIN, now=clock.now())


def test_the_file_is_served_as_it_is(client, session):
    upload()

    answer = client.get(f"/{NAME}")

    assert (answer.status_code, answer.text) == (200, TEXT)
    assert answer.mimetype == "text/plain"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/MP_verify_.txt",
        "/MP_verify_AbCd1234EfGh5679.txt",
        "/MP_verify_abcd1234efgh5678.txt",
        "/MP_verify_AbCd1234EfGh5678.TXT",
        "/WW_verify_AbCd1234EfGh5678.txt",
    ],
)
def test_any_other_name_is_not_found(client, session, path):
    upload()

    assert client.get(path).status_code == 404


def test_without_an_upload_no_name_is_found(client, session):
    assert client.get("/MP_verify_.txt").status_code == 404
    assert client.get(f"/{NAME}").status_code == 404


@pytest.mark.parametrize("content", [f"{TEXT}\r\n".encode(), b"\xef\xbb\xbf" + TEXT.encode()])
def test_what_an_editor_put_around_the_text_does_no_harm(session, content):
    assert upload(content=content) == TEXT
    assert verify_file.current() == TEXT


def test_a_newer_file_replaces_the_older_and_is_in_the_log(client, session):
    upload()
    upload("MP_verify_0000111122223333.txt", b"0000111122223333")

    assert client.get(f"/{NAME}").status_code == 404
    assert client.get("/MP_verify_0000111122223333.txt").text == "0000111122223333"
    entries = acts("settings.change")
    assert [entry.after for entry in entries] == [
        {"wechat.verify_text": TEXT},
        {"wechat.verify_text": "0000111122223333"},
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("verify.txt", TEXT.encode()),
        ("MP_verify_AbCd1234EfGh5678 (1).txt", TEXT.encode()),
        ("MP_verify_AbCd1234EfGh567.txt", b"AbCd1234EfGh567"),
        ("MP_verify_../../../etc/pass.txt", b"../../../etc/pass"),
        (f"{NAME}\n", TEXT.encode()),
        (NAME, b"AbCd1234EfGh5679"),
        (NAME, b"<script>alert(1)</script>"),
        (NAME, TEXT.encode() + b" " * 100 + b"x"),
        (NAME, b""),
    ],
)
def test_anything_else_is_refused_and_changes_nothing(session, name, content):
    upload("MP_verify_0000111122223333.txt", b"0000111122223333")

    with pytest.raises(InvalidInput) as caught:
        upload(name, content)

    assert caught.value.field == "file"
    assert verify_file.current() == "0000111122223333"
    assert len(acts("settings.change")) == 1
