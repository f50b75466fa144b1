"""Pictures of members: checked by content, theirs alone, deleted when nothing shows them."""

import io

import pytest
import sqlalchemy as sa
from PIL import Image

from app import uploads
from app.core.db import db, transaction
from app.core.errors import InvalidInput
from app.uploads import MemberUpload
from tests.factories import NOON, days, make_member


def photo(kind: str = "JPEG", size: tuple[int, int] = (40, 30), **extra: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind, **extra)
    return out.getvalue()


def keep(member, folder, data=None, now=NOON) -> str:
    return uploads.keep(member.id, data or photo(), folder=folder, now=now)


def use(member, paths, *, most=6, now=NOON):
    with transaction():
        return uploads.use(member.id, paths, most=most, now=now)


def test_a_picture_is_encoded_anew_under_a_random_name(session, tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "SecretCam"
    data = photo(exif=exif) + b"<script>alert(1)</script>"

    path = keep(make_member(), tmp_path, data)

    kept = (tmp_path / path).read_bytes()
    assert len(path) == len("u/") + 32 + len(".jpg")
    assert b"SecretCam" in data
    assert b"SecretCam" not in kept
    assert b"<script>" not in kept
    assert not dict(Image.open(io.BytesIO(kept)).getexif())


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF89a" + b"\x00" * 40, b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"PK\x03\x04"],
    ids=["nothing", "gif", "svg", "zip"],
)
def test_what_is_no_photo_is_refused_and_no_file_kept(session, tmp_path, data):
    with pytest.raises(InvalidInput) as refused:
        uploads.keep(make_member().id, data, folder=tmp_path, now=NOON)

    assert refused.value.field == "picture"
    assert list(tmp_path.rglob("*.*")) == []


def test_more_than_five_megabytes_are_refused(session, tmp_path):
    with pytest.raises(InvalidInput, match="不能超过 5 MB"):
        keep(make_member(), tmp_path, photo() + b"0" * 5 * 1024 * 1024)

    assert list(tmp_path.rglob("*.*")) == []


def test_a_member_has_so_many_pictures_a_day(session, tmp_path, monkeypatch):
    monkeypatch.setattr("app.uploads.service.A_DAY_MAX", 2)
    member, other = make_member(), make_member()
    keep(member, tmp_path)
    keep(member, tmp_path)

    with pytest.raises(uploads.TooManyUploads) as refused:
        keep(member, tmp_path)

    assert refused.value.status == 429
    assert db.session.scalar(sa.select(sa.func.count()).select_from(MemberUpload)) == 2
    assert keep(other, tmp_path)
    assert keep(member, tmp_path, now=NOON + days(1))


def test_a_picture_is_used_once_and_by_its_owner_only(session, tmp_path):
    owner, thief = make_member(), make_member()
    path = keep(owner, tmp_path)

    with pytest.raises(InvalidInput, match="图片已失效"):
        use(thief, [path])
    assert use(owner, [path, path]) == [path]
    with pytest.raises(InvalidInput, match="图片已失效"):
        use(owner, [path])


@pytest.mark.parametrize("path", ["p/1.jpg", "../secret.jpg", "u/unknown.jpg"])
def test_other_files_cannot_be_used(session, path):
    with pytest.raises(InvalidInput, match="图片已失效"):
        use(make_member(), [path])


def test_only_so_many_fit(session, tmp_path):
    member = make_member()
    paths = [keep(member, tmp_path) for _ in range(3)]

    with pytest.raises(InvalidInput, match="最多上传 2 张"):
        use(member, paths, most=2)

    assert use(member, paths, most=3) == paths


def test_the_sweep_takes_what_nothing_shows(session, tmp_path):
    member = make_member()
    used, _unused, released = (keep(member, tmp_path) for _ in range(3))
    use(member, [used, released])
    with transaction():
        uploads.release([released])

    early = uploads.sweep(tmp_path, now=NOON)
    late = uploads.sweep(tmp_path, now=NOON + days(1))

    assert (early, late) == (1, 1)
    assert {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.jpg")} == {
        used,
        used.replace(".jpg", "-s.jpg"),
    }
    assert db.session.scalars(sa.select(MemberUpload.path)).all() == [used]


def test_what_the_sweep_may_take_can_no_longer_be_used(session, tmp_path):
    member = make_member()
    path = keep(member, tmp_path)

    with pytest.raises(InvalidInput, match="图片已失效"):
        use(member, [path], now=NOON + days(1))
