"""State in one SQLite file: WAL, one guarded connection, short transactions.

No network call ever happens inside `tx()`: the mall calls back into the sandbox
while the sandbox waits for it, and would wait for the lock.
"""

import json
import sqlite3
import threading
import time
from contextlib import contextmanager
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS persons (
  openid TEXT PRIMARY KEY, nickname TEXT NOT NULL, role TEXT NOT NULL DEFAULT '',
  real_name TEXT, is_snapshot INTEGER NOT NULL DEFAULT 0, following INTEGER NOT NULL DEFAULT 0,
  subscribed_at REAL, subscribe_scene TEXT NOT NULL DEFAULT 'ADD_SCENE_OTHERS',
  qr_scene TEXT NOT NULL DEFAULT '', remark TEXT NOT NULL DEFAULT '',
  allowances TEXT NOT NULL DEFAULT '[]', consents TEXT NOT NULL DEFAULT '{}',
  jar TEXT NOT NULL DEFAULT '{}', position INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS access_tokens (
  token TEXT PRIMARY KEY, kind TEXT NOT NULL, issued_at REAL NOT NULL,
  expires_at REAL NOT NULL, is_killed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS oauth_codes (
  code TEXT PRIMARY KEY, openid TEXT NOT NULL, scope TEXT NOT NULL,
  created_at REAL NOT NULL, used_at REAL);
CREATE TABLE IF NOT EXISTS oauth_tokens (
  token TEXT PRIMARY KEY, refresh_token TEXT NOT NULL, openid TEXT NOT NULL, scope TEXT NOT NULL,
  expires_at REAL NOT NULL, refresh_expires_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS qr_codes (
  ticket TEXT PRIMARY KEY, url TEXT NOT NULL UNIQUE, action TEXT NOT NULL, scene TEXT NOT NULL,
  created_at REAL NOT NULL, expires_at REAL);
CREATE TABLE IF NOT EXISTS links (
  url TEXT PRIMARY KEY, title TEXT NOT NULL, note TEXT NOT NULL DEFAULT '', seen_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS tag_members (
  id INTEGER PRIMARY KEY AUTOINCREMENT, tag_id INTEGER NOT NULL, openid TEXT NOT NULL,
  UNIQUE (tag_id, openid));
CREATE TABLE IF NOT EXISTS chats (
  id INTEGER PRIMARY KEY AUTOINCREMENT, openid TEXT NOT NULL, side TEXT NOT NULL,
  kind TEXT NOT NULL, body TEXT NOT NULL, created_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS ix_chats_openid ON chats (openid, id);
CREATE TABLE IF NOT EXISTS calls (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, direction TEXT NOT NULL,
  name TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL,
  is_ok INTEGER NOT NULL, result TEXT NOT NULL, duration_ms INTEGER NOT NULL,
  request TEXT NOT NULL, response TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
  out_trade_no TEXT PRIMARY KEY, prepay_id TEXT NOT NULL UNIQUE, prepay_at REAL NOT NULL,
  transaction_id TEXT UNIQUE, state TEXT NOT NULL, openid TEXT NOT NULL,
  total_fen INTEGER NOT NULL, refunded_fen INTEGER NOT NULL DEFAULT 0, request TEXT NOT NULL,
  created_at REAL NOT NULL, expires_at REAL NOT NULL, paid_at REAL);
CREATE TABLE IF NOT EXISTS refunds (
  out_refund_no TEXT PRIMARY KEY, refund_id TEXT NOT NULL UNIQUE, out_trade_no TEXT NOT NULL,
  refund_fen INTEGER NOT NULL, status TEXT NOT NULL, request TEXT NOT NULL,
  created_at REAL NOT NULL, due_at REAL, finished_at REAL);
CREATE TABLE IF NOT EXISTS transfers (
  out_bill_no TEXT PRIMARY KEY, transfer_bill_no TEXT NOT NULL UNIQUE,
  package_info TEXT NOT NULL UNIQUE, state TEXT NOT NULL, openid TEXT NOT NULL,
  amount_fen INTEGER NOT NULL, request TEXT NOT NULL, user_name TEXT,
  fail_reason TEXT NOT NULL DEFAULT '', next_state TEXT, next_reason TEXT NOT NULL DEFAULT '',
  due_at REAL, created_at REAL NOT NULL, updated_at REAL NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS authorizations (
  out_authorization_no TEXT PRIMARY KEY, authorization_id TEXT NOT NULL,
  package_info TEXT NOT NULL UNIQUE, state TEXT NOT NULL, openid TEXT NOT NULL,
  request TEXT NOT NULL, close_reason TEXT NOT NULL DEFAULT '', created_at REAL NOT NULL,
  expires_at REAL NOT NULL, authorized_at REAL, closed_at REAL);
CREATE TABLE IF NOT EXISTS fund_flow (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, bill_no TEXT NOT NULL,
  business TEXT NOT NULL, kind TEXT NOT NULL, amount_fen INTEGER NOT NULL,
  balance_fen INTEGER NOT NULL, note TEXT NOT NULL, voucher TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bill_files (
  token TEXT PRIMARY KEY, content BLOB NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS notices (
  id INTEGER PRIMARY KEY AUTOINCREMENT, event_type TEXT NOT NULL, reference TEXT NOT NULL,
  url TEXT NOT NULL, resource_type TEXT NOT NULL, resource TEXT NOT NULL, summary TEXT NOT NULL,
  event_id TEXT NOT NULL, state TEXT NOT NULL, mangle TEXT NOT NULL DEFAULT '{}',
  attempts INTEGER NOT NULL DEFAULT 0, due_at REAL NOT NULL, created_at REAL NOT NULL,
  last_status INTEGER, last_error TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS faults (
  id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, kind TEXT NOT NULL,
  options TEXT NOT NULL DEFAULT '{}', remaining INTEGER NOT NULL);
"""

TABLES_RESET = (
    "settings persons access_tokens oauth_codes oauth_tokens qr_codes links tags tag_members "
    "chats calls orders refunds transfers authorizations fund_flow bill_files notices faults"
).split()
CALLS_KEPT = 2000


class Store:
    def __init__(self, path: Path):
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def tx(self):
        """One writing unit; joins the unit that is already open in this thread."""
        with self._lock:
            if self._depth:
                yield self._db
                return
            self._db.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            else:
                self._db.execute("COMMIT")
            finally:
                self._depth = 0

    def run(self, sql: str, *values) -> sqlite3.Cursor:
        with self.tx() as db:
            return db.execute(sql, values)

    def all(self, sql: str, *values) -> list[dict]:
        with self._lock:
            return [dict(row) for row in self._db.execute(sql, values)]

    def one(self, sql: str, *values) -> dict | None:
        with self._lock:
            row = self._db.execute(sql, values).fetchone()
        return dict(row) if row else None

    def insert(self, table: str, **row) -> int:
        marks = ", ".join("?" * len(row))
        # Table and column names come from this package only.
        sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"  # noqa: S608
        return self.run(sql, *row.values()).lastrowid

    def get(self, key: str, default=None):
        row = self.one("SELECT value FROM settings WHERE key = ?", key)
        return json.loads(row["value"]) if row else default

    def put(self, key: str, value) -> None:
        self.run(
            "INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            key,
            json.dumps(value, ensure_ascii=False),
        )

    def now(self) -> float:
        """The sandbox's own clock: real time plus what tests advanced it by."""
        return time.time() + self.get("clock_offset", 0)

    def log_call(self, **row) -> int:
        with self.tx() as db:
            row_id = self.insert("calls", at=time.time(), **row)
            if row_id % 200 == 0:
                db.execute("DELETE FROM calls WHERE id <= ?", (row_id - CALLS_KEPT,))
        return row_id

    def say(self, openid: str, side: str, kind: str, body: dict) -> None:
        """A line in a person's chat; `side` is person, account or system."""
        self.insert(
            "chats",
            openid=openid,
            side=side,
            kind=kind,
            body=json.dumps(body, ensure_ascii=False),
            created_at=self.now(),
        )

    def reset(self) -> None:
        with self.tx() as db:
            for table in TABLES_RESET:
                db.execute(f"DELETE FROM {table}")  # noqa: S608
