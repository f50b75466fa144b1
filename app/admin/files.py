"""Files that the panel is sent (上传)."""

from flask import request, url_for
from flask.typing import ResponseReturnValue

from app import catalog
from app.core import web
from app.core.errors import InvalidInput


def uploaded(bytes_max: int) -> bytes:
    """The uploaded `file`, at most one byte more than `bytes_max`, so that it is noticed."""
    upload = request.files.get("file")
    if upload is None:
        return b""
    with upload.stream as stream:
        return stream.read(bytes_max + 1)


def keep_picture() -> ResponseReturnValue:
    """Keep one uploaded picture; the editor puts its path and size into its form."""
    request.max_content_length = catalog.media.BYTES_MAX + 64 * 1024
    data = uploaded(catalog.media.BYTES_MAX)
    try:
        path, width, height = catalog.media.store(data, web.settings().data_dir / "media")
    except InvalidInput as error:
        return {"code": error.code, "message": error.message}, error.status
    return {
        "path": path,
        "url": url_for("mall.media", path=path),
        "small": url_for("mall.media", path=catalog.media.small_of(path)),
        "width": width,
        "height": height,
    }
