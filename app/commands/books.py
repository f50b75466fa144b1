"""`ledger` and `audit`: whether the books and the log hold together."""

import json
import sys

import click
from flask.cli import AppGroup

from app import ledger, outbox
from app.audit import chain
from app.core import clock

ledger_group = AppGroup("ledger", help="The books.")


@ledger_group.command("verify")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(as_json: bool) -> None:
    """Check every invariant; exit 1 if one is broken."""
    results = ledger.verify()
    in_flight, since = outbox.backlog()
    age = int((clock.now() - since).total_seconds()) if since else 0
    if as_json:
        print(
            json.dumps(
                {
                    "ok": not any(r.offending for r in results),
                    "invariants": {r.code: r.offending for r in results},
                    "in_flight": in_flight,
                    "oldest_seconds": age,
                }
            )
        )
    else:
        for result in results:
            mark = "ok  " if not result.offending else "FAIL"
            print(f"{mark} {result.code:3} {result.offending:6}  {result.meaning}")
            for row in result.sample:
                print(f"              {row}")
        print(f"in flight: {in_flight} rows, the oldest for {age} s")
    if any(r.offending for r in results):
        sys.exit(1)


audit_group = AppGroup("audit", help="The log of who did what.")

_BREAKS = {
    "gap": "the seal before it is missing",
    "removed": "its entry was removed",
    "changed": "its entry, or a seal before it, was changed",
    "unsealed": "it was never sealed",
    "cut": "the chain does not contain the noted head",
}


@audit_group.command("verify")
@click.option("--head", "noted", default="", help="A head printed earlier: it must still be there.")
def verify_audit(noted: str) -> None:
    """Walk along the chain over the audit entries; exit 1 at the first break."""
    verdict = chain.verify(noted)
    if verdict.broken is None:
        print(f"ok, {verdict.seals} entries, head {verdict.head}")
        return
    at = verdict.broken
    print(f"FAIL at seal {at.seq}, entry {at.entry_id}: {_BREAKS[at.why]}")
    raise SystemExit(1)
