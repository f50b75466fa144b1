"""What nobody types by accident: texts, documents and files that break programs."""

import io
import zipfile
from typing import Any

from hypothesis import strategies as st
from PIL import Image


def _picture(size: tuple[int, int] = (8, 8), kind: str = "PNG") -> bytes:
    held = io.BytesIO()
    Image.new("RGB", size, "red").save(held, kind)
    return held.getvalue()


def _archive() -> bytes:
    """A table's file as Excel's, with nothing of a table in it."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")
    return held.getvalue()


PICTURE = _picture()
TEXTS = [
    *(
        "",
        " ",
        "\x00",
        "a\x00b",
        "\ud800",
        "\udfff\ud800好",
        "😀" * 50,
        "👩‍👩‍👧‍👦",
        "\u202e反过来\u202c",
    ),
    *("\u2066左\u2069", "\ufeff", "\u2028", "e\u0301" * 60, "Z" + "\u0351" * 300, "ﷺ", "\x1b[2J"),
    *("0", "-1", "-0", "1.5", "0.001", "1e309", "1e3", "NaN", "Infinity", "0x10", "1_000"),
    *("1,000", "１２", "٣", "²", "½", "9" * 15, "9" * 16, "9" * 19, "9" * 400, "007", "+1"),
    *("2147483648", "9223372036854775807", "9223372036854775808", "18446744073709551616"),
    *("on", "true", "null", "[]", "{}", "[[1]]", '{"a":{"a":{}}}', "[" * 3000, '{"1":' * 2000),
    *("'", "' OR 1=1 --", '"><script>alert(1)</script>', "{{7*7}}", "${7*7}", "%s%n%d", "%", "_"),
    *(
        "../../etc/passwd",
        "/",
        "//evil.example/",
        "http://[",
        "https://a:b@c:99999/",
        "javascript:1",
    ),
    *("a\r\nSet-Cookie: b=c", "=1+1", "@SUM(A1)", "2026-02-30", "0000-00-00", "0001-01-01"),
    *("9999-12-31", "10000-01-01", "9999-12-31T23:59", "2026-13", "0000-01", "9999-12", "2026"),
    *("2026-11-22T10:00+99:99", "24:60", "1,2,3", ",,,", "1,1,1", "١,٢", "A" * 300, "测" * 300),
    *("A" * 5_000, "测" * 70_000),
]
FILES = [
    *(PICTURE, _picture((40, 3), "GIF"), _picture(kind="BMP"), PICTURE[:40], PICTURE[:-12]),
    *(b"", b"\x00" * 100, b"GIF89a", b"\xff\xd8\xff\xe0" + b"\x00" * 60, b"<svg onload='1'/>"),
    *(b"PK\x03\x04" + b"\x00" * 60, _archive(), "商品编码,商品名称\nT-1,茶".encode()),
    *(
        "商品编码,商品名称,售价\n,,\n\x00,\ud83d,=1".encode(errors="replace"),
        b"\xff\xfe\x00",
        b"," * 9_000,
    ),
    *(
        b'"' * 999,
        "订单编号,快递公司,快递单号\n1,2,3".encode("gb18030"),
        b"MP_verify",
        b"A" * 1_200_000,
    ),
]
NAMES = ["a.png", "", "../../a.png", "a.csv", "a.xlsx", "MP_verify_0123456789abcdef.txt", "测" * 300, "a\x00.png"]  # fmt: skip

texts = st.one_of(
    st.sampled_from(TEXTS),
    st.text(st.characters(categories=None), max_size=30),
    st.integers(-(2**70), 2**70).map(str),
    st.decimals(allow_nan=True).map(str),
)
documents: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(),
        st.sampled_from([text for text in TEXTS if len(text) < 1000]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
files = st.tuples(st.sampled_from(NAMES), st.sampled_from(FILES))
