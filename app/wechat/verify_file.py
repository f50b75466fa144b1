"""The file that proves to WeChat whose domain this is: `MP_verify_<text>.txt` (域名验证文件).

WeChat asks for it at the root whenever a domain is entered in its console, and
later again. Its text is the rest of its name, so the text is all that is kept.
"""

import re
from datetime import datetime

from app import audit, settings
from app.core.errors import InvalidInput

FIELD = "file"
BYTES_MAX = 64
_NAME = re.compile(r"MP_verify_([0-9A-Za-z]{16})\.txt", re.ASCII)


def current() -> str:
    """The text of the file in force; empty while there is none."""
    return settings.value(settings.registry.WECHAT_VERIFY_TEXT)


def upload(name: str, content: bytes, *, actor: audit.Actor, now: datetime) -> str:
    """Put an uploaded file in force; return its text.

    Raises InvalidInput: not such a file, or its text is not that of its name.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise InvalidInput(FIELD, "文件名应为 MP_verify_ 加 16 位字母或数字，请勿改名")
    # An editor may have put a line's end, or a mark of order, around it.
    text = content.removeprefix(b"\xef\xbb\xbf").strip()
    if len(content) > BYTES_MAX or text != found[1].encode():
        raise InvalidInput(FIELD, "文件内容与文件名不符，请重新从公众平台下载")
    settings.change(settings.registry.WECHAT_VERIFY_TEXT.key, found[1], actor=actor, now=now)
    return found[1]
