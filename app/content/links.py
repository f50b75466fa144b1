"""Where a block may lead: pages of the mall, and hosts that were allowed."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

LINK_CHARS_MAX = 500
# What an address may hold without being encoded first.
_URL = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")


@dataclass(frozen=True)
class Places:
    """What the entry point knows: our address, allowed hosts, and which paths are pages."""

    mall: str
    hosts: frozenset[str]
    is_page: Callable[[str], bool]

    def tidy(self, link: str) -> str:
        """A link as it is kept: a page of ours as a path, anything else as it was typed."""
        link = link.strip()
        if link == self.mall or link.startswith(f"{self.mall}/"):
            return link.removeprefix(self.mall) or "/"
        return link

    def fault(self, link: str) -> str:
        """What is wrong with a link, "" for a good one; no link at all is good."""
        if not link:
            return ""
        if len(link) > LINK_CHARS_MAX:
            return f"链接最多 {LINK_CHARS_MAX} 个字符"
        if not _URL.fullmatch(link):
            return "链接里有空格、中文或不允许的符号，请从浏览器地址栏复制"
        if link.startswith("/"):
            path = link.partition("?")[0].partition("#")[0]
            if link.startswith("//") or not self.is_page(path):
                return f"商城里没有“{path}”这个页面"
            return ""
        try:
            parts = urlsplit(link)
            _ = parts.port
        except ValueError:
            return "链接格式不正确"
        if parts.scheme != "https" or not parts.hostname:
            return "链接应以 / 开头（商城的页面），或以 https:// 开头"
        # The whole netloc: neither a user nor another port gets by.
        if parts.netloc.lower() not in self.hosts:
            return f"不能指向 {parts.netloc}：只能是商城的页面或允许的域名"
        return ""
