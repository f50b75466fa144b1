"""What is out of service when an error says so: the database, or the disk (故障).

Entry points answer 503 with plain words where the fault is not in the request and not
in the code, so that it passes by itself or when an operator has made room. An error of
the code (a broken constraint, an unknown column) is none of these and stays a 500.
"""

import enum
import errno
import sqlite3

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.db import is_passing


class Outage(enum.StrEnum):
    """What does not work."""

    DATABASE_GONE = "database_gone"  # it does not answer, or the line broke on the way
    DATABASE_CLOSED = "database_closed"  # it answers and takes no writes: read-only, full
    DISK_FULL = "disk_full"  # the server's own disk takes no files


# What people read. After a broken line nobody knows whether the work was committed.
MESSAGES = {
    Outage.DATABASE_GONE: "系统暂时没有响应，请稍等一分钟，先看看刚才的操作是否成功，再决定要不要重试",
    Outage.DATABASE_CLOSED: "系统暂时无法保存，请稍等一分钟再试",
    Outage.DISK_FULL: "服务器的存储空间暂时不足，文件没有保存，请稍后再试",
}
# For who only looked at a page.
LOOKED = "系统暂时没有响应，请稍等一分钟再试"
RETRY_AFTER_SECONDS = 60

# 1040/1203 too many connections, 1047 a Galera node without its group, 1053 shutting
# down, 1927 killed, 2002/2003 nobody listens.
_GONE = frozenset({1040, 1047, 1053, 1203, 1927, 2002, 2003})
# 3/1021/1026/1030/1114 no room, 1290/1792/1836 read-only.
_CLOSED = frozenset({3, 1021, 1026, 1030, 1114, 1290, 1792, 1836})
_SQLITE_CLOSED = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL})
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


def outage_of(error: BaseException) -> Outage | None:
    """Which outage this error comes from, None if it comes from none."""
    if isinstance(error, PoolTimeout):
        return Outage.DATABASE_GONE
    if isinstance(error, DBAPIError):
        return _of_database(error)
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return Outage.DISK_FULL
    return None


def message(outage: Outage, *, only_looked: bool) -> str:
    """What a person is told; `only_looked` when the request changes nothing."""
    if outage is Outage.DATABASE_GONE and only_looked:
        return LOOKED
    return MESSAGES[outage]


def _of_database(error: DBAPIError) -> Outage | None:
    if isinstance(error.orig, sqlite3.Error):
        # Extended codes keep the plain one in their lowest byte.
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        if code in _SQLITE_CLOSED:
            return Outage.DATABASE_CLOSED
        if code == sqlite3.SQLITE_CANTOPEN:
            return Outage.DATABASE_GONE
    elif (args := getattr(error.orig, "args", ())) and isinstance(args[0], int):
        if args[0] in _CLOSED:
            return Outage.DATABASE_CLOSED
        if args[0] in _GONE:
            return Outage.DATABASE_GONE
    return Outage.DATABASE_GONE if is_passing(error) else None
