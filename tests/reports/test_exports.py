"""Files made in the background: whole or not at all."""

import csv
import hashlib
import io
from datetime import timedelta

import openpyxl
import pytest
import sqlalchemy as sa

from app.audit import Actor
from app.core import clock, web
from app.core.db import db, run_unit, transaction
from app.core.errors import IllegalMove, NotFound
from app.reports import exports
from app.reports.exports import AdminExport, CellKind, ExportState, FileFormat, Source, files
from app.reports.exports import service as worker
from tests.admin.desk import acts, make_admin
from tests.factories import NOON, make_member, make_sku, paid_order

ADMIN = Actor("admin:1")
HEAD = [("名称", CellKind.TEXT), ("金额", CellKind.MONEY), ("时间", CellKind.TIME)]


@pytest.fixture
def admin(session) -> int:
    return make_admin("boss").id


def ask(admin: int, **changed) -> int:
    fields = {
        "listing": "orders",
        "title": "订单",
        "filters": {"state": "paid"},
        "columns": ["number", "payable"],
        "personal": [],
        "sort": "created",
        "format": FileFormat.CSV,
        "rows_total": 3,
    }
    wanted = exports.Wanted(**{**fields, **changed})
    return run_unit(exports.request, admin, wanted, actor=ADMIN, now=clock.now()).id


def row_of(export_id: int) -> AdminExport:
    db.session.rollback()
    return db.session.get_one(AdminExport, export_id)


def book_of(path):
    return openpyxl.load_workbook(io.BytesIO(path.read_bytes()))


def names(folder) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def three_orders() -> list[str]:
    sku, buyer = make_sku(price_fen=10_00), make_member()
    return [paid_order(buyer, sku).number for _ in range(3)]


def test_a_file_is_made_part_by_part_and_offered_when_whole(admin, tmp_path, monkeypatch):
    monkeypatch.setattr("app.admin.tables.source.PART_ROWS", 2)
    numbers = three_orders()
    export_id = ask(admin)

    assert exports.make(export_id, tmp_path) == "done"

    row = row_of(export_id)
    content = (tmp_path / row.file).read_bytes()
    lines = list(csv.reader(content.decode("utf-8-sig").splitlines()))
    assert lines == [["订单号", "实付"], *([number, "10.00"] for number in numbers)]
    assert (row.state, row.rows_done, row.size_bytes) == (ExportState.DONE, 3, len(content))
    assert row.sha256 == hashlib.sha256(content).hexdigest()
    assert row.expires_at == row.ended_at + timedelta(days=7)
    assert names(tmp_path) == [row.file]
    assert acts("list.export_made")[0].after["sha256"] == row.sha256
    assert exports.make(export_id, tmp_path) == "taken"


def test_what_a_dead_worker_left_is_begun_again(admin, tmp_path):
    three_orders()
    export_id = ask(admin)
    run_unit(worker._claim, export_id, "dead", clock.now())

    assert exports.due(clock.now()) == []
    assert exports.make(export_id, tmp_path) == "taken"
    with transaction():
        db.session.get_one(AdminExport, export_id).beat_at = clock.now() - timedelta(minutes=3)

    assert exports.due(clock.now()) == [export_id]
    assert exports.make(export_id, tmp_path) == "done"
    # Had it only slept, the first one could not offer its half.
    with pytest.raises(worker._Stopped):
        worker._beat(export_id, "dead", 1)


def test_after_three_broken_tries_it_is_given_up_with_a_sentence(admin, tmp_path):
    export_id = ask(admin)
    with transaction():
        db.session.get_one(AdminExport, export_id).tries = 3

    assert exports.make(export_id, tmp_path) == "failed"

    row = row_of(export_id)
    assert (row.state, row.error[:8], row.file) == (ExportState.FAILED, "服务多次中断，没", "")
    assert names(tmp_path) == []


def test_an_error_ends_with_a_sentence_and_no_file(admin, tmp_path):
    export_id = ask(admin, listing="nothing")

    assert exports.make(export_id, tmp_path) == "failed"

    row = row_of(export_id)
    assert (row.state, row.error[:7]) == (ExportState.FAILED, "生成文件时出错")
    assert names(tmp_path) == []


def test_a_cancelled_one_stops_at_its_next_part(admin, tmp_path, monkeypatch):
    three_orders()
    export_id = ask(admin)
    beat = worker._beat

    def cancelled_meanwhile(row_id, claim, done):
        run_unit(exports.cancel, row_id, admin, actor=ADMIN, now=clock.now())
        beat(row_id, claim, done)

    monkeypatch.setattr(worker, "_beat", cancelled_meanwhile)

    assert exports.make(export_id, tmp_path) == "stopped"
    assert (row_of(export_id).state, names(tmp_path)) == (ExportState.CANCELLED, [])
    assert exports.due(clock.now()) == []


def test_only_ones_own_and_unfinished_is_cancelled(admin, tmp_path):
    export_id = ask(admin)

    with pytest.raises(NotFound):
        run_unit(exports.cancel, export_id, admin + 1, actor=ADMIN, now=NOON)
    exports.make(export_id, tmp_path)
    with pytest.raises(IllegalMove):
        run_unit(exports.cancel, export_id, admin, actor=ADMIN, now=NOON)

    assert row_of(export_id).state is ExportState.DONE
    assert acts("list.export_cancel") == []


def test_nobody_queues_more_than_five(admin):
    for _ in range(exports.OPEN_MAX):
        ask(admin)

    with pytest.raises(exports.TooManyExports):
        ask(admin)

    assert len(db.session.scalars(sa.select(AdminExport)).all()) == exports.OPEN_MAX


def test_a_file_goes_when_its_days_are_over(admin, tmp_path):
    export_id = ask(admin)
    exports.make(export_id, tmp_path)
    ends = row_of(export_id).expires_at

    early = exports.expire(tmp_path, ends - timedelta(seconds=1))
    kept = names(tmp_path)
    late = exports.expire(tmp_path, ends)

    row = row_of(export_id)
    assert (early, len(kept), late, names(tmp_path)) == (0, 1, 1, [])
    assert (row.state, row.file) == (ExportState.EXPIRED, "")
    with pytest.raises(NotFound):
        exports.path_of(row, tmp_path)


def test_downloading_is_for_its_owner_and_leaves_an_entry(app, admin_client, session):
    client, other = admin_client("operations"), admin_client("operations")
    three_orders()
    client.post("/admin/lists/orders/columns", data={"columns": ["number"]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exports, "AT_ONCE_MAX", 1)
        client.post("/admin/lists/orders/export", data={"format": "xlsx"})
    export_id = db.session.scalars(sa.select(AdminExport.id)).one()
    address = f"/admin/exports/{export_id}/file"

    assert client.get(address).status_code == 404
    exports.make(export_id, web.settings().data_dir / "exports")

    with client.get(address) as answer:
        sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    assert (sheet.max_row, sheet["A1"].value) == (4, "订单号")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert other.get(address).status_code == 404
    assert [entry.subject_id for entry in acts("list.download")] == [export_id]
    assert row_of(export_id).downloads == 1


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1"])
def test_no_text_becomes_a_formula_in_either_format(tmp_path, text):
    row = [text, -1_50, NOON]

    for found in FileFormat:
        exports.write(tmp_path / found.value, Source(HEAD, [[row]]), found)

    lines = list(csv.reader((tmp_path / "csv").read_text("utf-8-sig").splitlines()))
    [cells] = list(book_of(tmp_path / "xlsx").active.iter_rows(min_row=2))
    assert lines[1] == [f"'{text}", "-1.50", "2026-11-21 12:00:00"]
    assert (cells[0].data_type, cells[0].value, cells[1].value) == ("s", text, -1.5)
    assert f"{cells[2].value:%Y-%m-%d %H:%M}" == "2026-11-21 12:00"


def test_more_rows_than_a_sheet_holds_go_on_in_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHEET_ROWS", 2)
    source = Source(HEAD, [[["甲", 1, None]] * 2, [["乙", 2, None]]])

    assert exports.write(tmp_path / "x", source, FileFormat.XLSX) == 3

    book = book_of(tmp_path / "x")
    assert [sheet.max_row for sheet in book] == [3, 2]
    assert book.worksheets[1]["A2"].value == "乙"
