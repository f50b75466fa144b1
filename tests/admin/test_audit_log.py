"""The log of who did what: searched and exported."""

import csv
import io
from datetime import UTC, datetime

import pytest

from app import audit
from app.core.db import transaction
from tests.admin.desk import acts

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


@pytest.fixture
def entries(session):
    with transaction():
        for day, reason, address in (
            (20, "=1+1", "203.0.113.1"),
            (21, "秋季调整", "203.0.113.2"),
            (22, "100%", "203.0.113.3"),
        ):
            audit.record(
                "settings.change",
                subject="setting",
                subject_id=day,
                actor=audit.Actor("admin:0", address),
                now=NOON.replace(day=day),
                before={"value": 1},
                after={"value": day},
                reason=reason,
            )


def exported(answer) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))


@pytest.mark.parametrize(
    ("narrow", "found"),
    [
        ({}, {"20", "21", "22"}),
        ({"from": "2026-11-21", "to": "2026-11-21"}, {"21"}),
        ({"from": "nonsense", "to": "9999-12-31"}, {"20", "21", "22"}),
        ({"q": "秋季"}, {"21"}),
        ({"q": "%"}, {"22"}),
        ({"q": "203.0.113.3"}, {"22"}),
        ({"subject": "order"}, set()),
        ({"action": "settings.change", "actor": "admin:0"}, {"20", "21", "22"}),
    ],
)
def test_a_search_narrows_page_and_export_alike(entries, admin_client, narrow, found):
    client = admin_client("auditor")
    chosen = {"action": "settings.change", **narrow}

    page = client.get("/admin/audit", query_string=chosen)
    rows = exported(client.post("/admin/audit/export", data=chosen))

    assert {row[5] for row in rows[1:]} == found
    assert page.text.count('<td class="code">203.0.113.') == len(found)


def test_an_export_says_all_as_stored_and_leaves_an_entry(entries, admin_client):
    rows = exported(admin_client("auditor").post("/admin/audit/export", data={"to": "2026-11-20"}))

    assert rows[1][1:] == [
        "2026-11-20 12:00:00",
        "admin:0",
        "修改设置",
        "设置",
        "20",
        "value 1 → 20",
        '{"value": 1}',
        '{"value": 20}',
        "'=1+1",
        "203.0.113.1",
    ]
    assert [entry.after for entry in acts("audit.export")] == [
        {"list": "操作日志", "to": "2026-11-20", "format": "csv", "rows": 1, "personal": []}
    ]


def test_finance_does_not_export_the_log(entries, admin_client):
    assert admin_client("finance").post("/admin/audit/export").status_code == 403
    assert acts("audit.export") == []
