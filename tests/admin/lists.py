"""Reading the panel's lists and their files."""

import csv
import io
import re
from typing import Any


def heads(text: str) -> list[str]:
    """The titles of the table's columns."""
    row = re.search(r"<thead>(.*?)</thead>", text, re.DOTALL).group(1)
    found = re.findall(r"<th[^>]*>(.*?)</th>", row, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", head).strip() for head in found]


def numbers(text: str) -> list[str]:
    body = re.search(r"<tbody>(.*?)</tbody>", text, re.DOTALL).group(1)
    return re.findall(r'class="code" href="/admin/orders/(\w+)"', body)


def lines_of(answer: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
