"""Posters in the panel: laying out, the preview, switching, order, backgrounds."""

import base64
import io
from typing import Any

import pytest
from PIL import Image

from app.core.db import db
from app.distribution import posters
from app.distribution.posters import STARTERS, Audience, Layout, PosterTemplate
from tests.admin.desk import a_poster, acts
from tests.uploads.test_uploads import photo


@pytest.fixture
def owner(session, admin_client):
    return admin_client("owner")


def form_of(layout: Layout, **changed: Any) -> dict[str, Any]:
    """The editor's form as a browser sends it."""
    fields: dict[str, Any] = {
        "name": "新年",
        "audience": layout.audience.value,
        "colour": layout.colour.lower(),
        "picture": layout.picture,
        "code": layout.code.value,
        "is_active": "1",
    }
    for name in ("x", "y", "w", "h", "size", "lines", "radius", "align", "text"):
        fields[f"part_{name}"] = [str(getattr(part, name)) for part in layout.parts]
    fields["part_kind"] = [part.kind.value for part in layout.parts]
    fields["part_colour"] = [part.colour.lower() for part in layout.parts]
    fields["part_bold"] = ["1" if part.is_bold else "0" for part in layout.parts]
    return {**fields, **changed}


def stored() -> list[PosterTemplate]:
    db.session.rollback()
    return list(posters.page_of(Audience.MEMBER))


def test_a_poster_is_kept_as_it_was_laid_out(owner):
    layout = STARTERS["night"][1]

    answer = owner.post("/admin/posters", data=form_of(layout))

    assert answer.location == "/admin/posters?state=member"
    [row] = stored()
    assert (row.name, row.is_active, row.typed) == ("新年", True, layout)
    assert len(acts("poster.save")) == 1


def test_what_was_stored_stands_in_the_editor_again(owner):
    row = a_poster("雪景 <b>", "paper")

    page = owner.get(f"/admin/posters/{row.id}").text

    assert 'value="雪景 &lt;b&gt;"' in page
    assert page.count('data-part="qr"') == 2  # the one there is, and the one to add
    assert 'value="邀你来{shop}看看"' in page


def test_what_is_wrong_is_said_and_kept_in_the_form(owner):
    layout = STARTERS["paper"][1]
    form = form_of(layout, name="")
    form["part_x"] = ["左" if at == 1 else text for at, text in enumerate(form["part_x"])]

    answer = owner.post("/admin/posters", data=form)

    assert answer.status_code == 422
    assert "左边距应为 0 或正整数" in answer.text
    assert stored() == []
    assert acts("poster.save") == []


def test_the_preview_draws_what_is_typed_and_keeps_nothing(owner):
    answer = owner.post("/admin/posters/preview", data=form_of(STARTERS["card"][1]))

    assert answer.json["errors"] == {}
    data = base64.b64decode(answer.json["picture"].removeprefix("data:image/jpeg;base64,"))
    assert Image.open(io.BytesIO(data)).size == (750, 1334)
    assert stored() == []


def test_the_preview_leaves_out_what_is_half_typed(owner):
    form = form_of(STARTERS["paper"][1])
    form["part_w"] = ["" if at == 0 else text for at, text in enumerate(form["part_w"])]

    answer = owner.post("/admin/posters/preview", data=form)

    assert answer.json["errors"] == {"part-0": "宽应为 0 或正整数"}
    assert answer.json["picture"].startswith("data:image/jpeg")


def test_a_poster_is_switched_off_moved_and_removed(owner):
    first, second = a_poster("甲"), a_poster("乙")

    owner.post(f"/admin/posters/{second.id}/move", data={"to": "up"})
    owner.post(f"/admin/posters/{first.id}/switch", data={"on": "0"})
    assert [(row.name, row.is_active) for row in stored()] == [("乙", True), ("甲", False)]

    owner.post(f"/admin/posters/{first.id}/remove")
    assert [row.name for row in stored()] == ["乙"]
    assert [len(acts(f"poster.{verb}")) for verb in ("move", "switch", "remove")] == [1, 1, 1]


def test_a_background_is_uploaded(owner):
    answer = owner.post("/admin/posters/backgrounds", data={"file": (io.BytesIO(photo()), "b.jpg")})
    layout = STARTERS["paper"][1]

    owner.post("/admin/posters", data=form_of(layout, picture=answer.json["path"]))

    assert [row.typed.picture for row in stored()] == [answer.json["path"]]


def test_what_is_no_picture_is_no_background(owner):
    answer = owner.post(
        "/admin/posters/backgrounds", data={"file": (io.BytesIO(b"<svg/>"), "b.svg")}
    )

    assert answer.status_code == 422
    assert answer.json["message"] == "这不是可用的图片，请上传 JPG、PNG 或 WebP"


def test_pictures_of_templates_are_shown(owner):
    row = a_poster()

    for path in (f"/admin/posters/{row.id}/picture.jpg", "/admin/posters/starters/card.jpg"):
        answer = owner.get(path)
        assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert owner.get("/admin/posters/starters/none.jpg").status_code == 404


@pytest.mark.parametrize("asked", ["audience=", "audience=nobody", "from=nothing", ""])
def test_a_new_poster_for_nobody_begins_with_the_first_that_comes_along(owner, asked):
    answer = owner.get(f"/admin/posters/new?{asked}")

    first = STARTERS[next(iter(STARTERS))][1]
    assert answer.status_code == 200
    assert f'name="audience" value="{first.audience.value}"' in answer.text
