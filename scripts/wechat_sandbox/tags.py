"""User tags (用户标签)."""

import sqlite3

from flask import Blueprint, jsonify

from . import people
from .oa import OAError, box, check_token, ok, payload

bp = Blueprint("tags", __name__, url_prefix="/cgi-bin")
bp.before_request(check_token)

FIRST_ID = 100  # 0, 1 and 2 are WeChat's own.


def _given(args: dict) -> dict:
    tag = args.get("tag")
    if not isinstance(tag, dict):
        raise OAError(47001, "data format error")
    return tag


def _name(tag: dict) -> str:
    name = tag.get("name")
    if not isinstance(name, str) or not name.strip():
        raise OAError(45157, "invalid tag name")
    if len(name.encode()) > 30:
        raise OAError(45158, "tag name too long")
    return name


def _existing(tag_id) -> int:
    if type(tag_id) is str and tag_id.isdigit():
        tag_id = int(tag_id)
    if type(tag_id) is not int:
        raise OAError(45159, "invalid tag id")
    if tag_id in (0, 1, 2):
        raise OAError(45058, "can not modify reserved tag")
    if not box().store.one("SELECT 1 FROM tags WHERE id = ?", tag_id):
        raise OAError(45159, "invalid tag id")
    return tag_id


@bp.post("/tags/create")
def create():
    name = _name(_given(payload()))
    store = box().store
    with store.tx() as db:
        row = store.one("SELECT COUNT(*) AS n, MAX(id) AS top FROM tags")
        if row["n"] >= 100:
            raise OAError(45056, "too many tags")
        try:
            new_id = max(row["top"] or 0, FIRST_ID - 1) + 1
            db.execute("INSERT INTO tags VALUES (?, ?)", (new_id, name))
        except sqlite3.IntegrityError:
            raise OAError(45157, "invalid tag name, duplicated") from None
    return jsonify(tag={"id": new_id, "name": name})


@bp.get("/tags/get")
def get():
    return jsonify(
        tags=box().store.all(
            "SELECT id, name, (SELECT COUNT(*) FROM tag_members m WHERE m.tag_id = tags.id) AS count"
            " FROM tags ORDER BY id"
        )
    )


@bp.post("/tags/update")
def update():
    tag = _given(payload())
    tag_id, name = _existing(tag.get("id")), _name(tag)
    try:
        box().store.run("UPDATE tags SET name = ? WHERE id = ?", name, tag_id)
    except sqlite3.IntegrityError:
        raise OAError(45157, "invalid tag name, duplicated") from None
    return ok()


@bp.post("/tags/delete")
def delete():
    tag_id = _existing(_given(payload()).get("id"))
    with box().store.tx() as db:
        db.execute("DELETE FROM tag_members WHERE tag_id = ?", (tag_id,))
        db.execute("DELETE FROM tags WHERE id = ?", (tag_id,))
    return ok()


def _members(args: dict) -> tuple[int, list[str]]:
    ids = args.get("openid_list")
    if not isinstance(ids, list) or not 1 <= len(ids) <= 50:
        raise OAError(40032, "invalid openid list size")
    tag_id = _existing(args.get("tagid"))
    for openid in ids:
        if not isinstance(openid, str):
            raise OAError(40003, "invalid openid")
        person = people.get(box().store, openid)
        if person is None:
            raise OAError(49003, "openid not match appid")
        if not person["following"]:
            raise OAError(43004, "require subscribe")
    return tag_id, ids


@bp.post("/tags/members/batchtagging")
def tag_members():
    tag_id, ids = _members(payload())
    store = box().store
    with store.tx() as db:
        for openid in ids:
            count = store.one(
                "SELECT COUNT(*) AS n FROM tag_members WHERE openid = ? AND tag_id <> ?",
                openid,
                tag_id,
            )["n"]
            if count >= 20:
                raise OAError(45059, "too many tags of one user")
            db.execute(
                "INSERT OR IGNORE INTO tag_members (tag_id, openid) VALUES (?, ?)", (tag_id, openid)
            )
    return ok()


@bp.post("/tags/members/batchuntagging")
def untag_members():
    tag_id, ids = _members(payload())
    with box().store.tx() as db:
        for openid in ids:
            db.execute("DELETE FROM tag_members WHERE tag_id = ? AND openid = ?", (tag_id, openid))
    return ok()


@bp.post("/tags/getidlist")
def ids_of_person():
    openid = payload().get("openid")
    if not isinstance(openid, str) or people.get(box().store, openid) is None:
        raise OAError(40003, "invalid openid")
    rows = box().store.all("SELECT tag_id FROM tag_members WHERE openid = ? ORDER BY id", openid)
    return jsonify(tagid_list=[r["tag_id"] for r in rows])


@bp.route("/user/tag/get", methods=["GET", "POST"])
def people_of_tag():
    args = payload()
    tag_id = _existing(args.get("tagid"))
    rows = box().store.all(
        "SELECT openid FROM tag_members WHERE tag_id = ? AND openid > ? ORDER BY openid",
        tag_id,
        args.get("next_openid") or "",
    )
    ids = [r["openid"] for r in rows]
    return jsonify(count=len(ids), data={"openid": ids}, next_openid=ids[-1] if ids else "")
