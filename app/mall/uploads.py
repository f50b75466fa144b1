"""Taking pictures from members (上传图片), for whichever form shows them."""

from flask import request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from app import catalog, uploads
from app.core import clock, web
from app.core.db import db
from app.core.errors import InvalidInput
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp
from app.mall.limits import limited

# How many pictures a form may send back; each form has its own, smaller limit.
_PATHS_MAX = 20


@bp.post("/me/pictures")
@members_only
@limited("upload", 30)
def upload_picture() -> ResponseReturnValue:
    """Keep one picture; the page puts its path into its form."""
    request.max_content_length = catalog.media.BYTES_MAX + 64 * 1024
    member_id = current_member().id
    try:
        sent = request.files.get("file")
    except RequestEntityTooLarge as error:
        # The same words as for one that is only a little too large.
        raise InvalidInput("picture", "图片不能超过 5 MB") from error
    data = b""
    if sent is not None:
        with sent.stream as stream:
            data = stream.read(catalog.media.BYTES_MAX + 1)
    db.session.rollback()
    path = uploads.keep(member_id, data, folder=web.settings().data_dir / "media", now=clock.now())
    small = url_for("mall.media", path=catalog.media.small_of(path))
    return {"path": path, "url": url_for("mall.media", path=path), "small": small}


def typed_pictures() -> list[str]:
    """The paths of pictures that a form sent, as `uploads.use` wants them."""
    return [path[:80] for path in request.form.getlist("pictures")[:_PATHS_MAX]]
