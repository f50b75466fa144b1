"""A WeChat on this machine: official account, JS-SDK, pay v3, transfers, and a phone.

It speaks WeChat's real protocols, checks the caller's signatures and refuses what
WeChat would refuse. It imports nothing from `app` and `app` knows only addresses.

    python -m scripts.wechat_sandbox init --dir DIR --mall-url URL --sandbox-url URL
    python -m scripts.wechat_sandbox serve --dir DIR --port 8001

In tests: `config.init(dir, mall_url=…, sandbox_url=…, mode="safe")`, then
`create_app(dir)` under any WSGI server; `app.extensions["sandbox"].close()` ends it.

Control API, JSON in and out, all under `/_control`:

| call | does |
| --- | --- |
| GET /config | public part of the credentials and addresses |
| GET, POST /settings | notices_held, notice_delay_seconds, auto_refunds, auto_transfers, authorizations_allowed, bills_at_once, mode (plain, compat, safe), balance_fen |
| GET, POST /clock | POST {"advance": s}, {"offset": s} or {"at": ISO}: the sandbox's clock, for every expiry (signature timestamps keep real time) |
| POST /finish | {seconds?}: answers once the pushes and notices under way have ended |
| POST /reset | forget everything but the credentials; seed the persons |
| GET, POST /persons | POST {openid, nickname, role?, real_name?, is_snapshot?, following?}: create or change, without events |
| POST /persons/OPENID/follow | {ticket, scene or url}? : follow, by a code if named; pushes subscribe |
| POST /persons/OPENID/unfollow | pushes unsubscribe |
| POST /persons/OPENID/scan | {ticket, scene or url}: subscribe with qrscene_, or SCAN |
| POST /persons/OPENID/text, click, view | {content}, {key}, {url}: pushes; answers {ok, tries, reply, error} |
| POST /persons/OPENID/snapshot | {on}: web logins carry is_snapshotuser and a virtual openid |
| POST /persons/OPENID/popup | {templates: {id: true or false}}: answers the page's question for subscription notices; pushes subscribe_msg_popup_event |
| POST /persons/OPENID/change | {templates: {id: true or false}}: switches them in the account's settings; pushes subscribe_msg_change_event |
| POST /persons/OPENID/consent | {template_id, times}: subscription notices the person allowed |
| POST /persons/OPENID/pay | {prepay_id}: pays; 409 with the phone's message if it cannot |
| GET /persons/OPENID/chat | the chat with the account |
| GET /transactions, /refunds, /transfers, /authorizations, /qrcodes | what there is |
| POST /refunds/NO/finish | {status}: SUCCESS, ABNORMAL or CLOSED (see auto_refunds) |
| POST /transfers/NO/confirm | the payee confirms; refuse: closes the page, nothing changes |
| POST /transfers/NO/fail | {reason}; also expire, succeed, and proceed (PROCESSING goes on) |
| POST /authorizations/NO/confirm | the payee grants to receive without confirming; close {reason}: it ends on WeChat's side |
| GET /notices | all notices with state: queued, held, sending, delivered, lost, after_next, given_up, done |
| POST /notices/hold, /notices/release | new notices wait; release queues them |
| POST /notices/ID/deliver | {times?, mangle?: {kind, …}}: deliver now, any notice, any number of times, in any order |
| GET, POST, DELETE /faults | POST {target, kind, times?, options…}, see below |
| GET, POST /quotas | POST {api, a_day?, a_minute?, used_today?}: how often an API of /cgi-bin may be called; beyond it 45009 (day) or 45011 (minute) |
| GET /calls?since=ID | the protocol calls, both directions, secrets shortened |
| POST /links | {url, title?, note?}: a link of the mall that 扫一扫 offers |
| POST /check-url | the GET check of the mall's callback |
| POST /access-token/expire | every access_token becomes invalid |

Faults: `target` is a shell pattern, used up `times` times, once without it; "forever"
lasts until the faults are deleted.

| target | kinds |
| --- | --- |
| a path, `/v3/pay/*`, `/cgi-bin/*`, `/sns/*` | delay {seconds}; hang {seconds}; slow_drip {seconds} (a byte each so many seconds); status {status, code, message}; html {status}; wrong_type {value} (instead of the answer) or {field, value}; errcode {errcode, errmsg}; drop (acts, then breaks the connection); bad_signature (v3) |
| `notice:TRANSACTION.SUCCESS`, `notice:*` | delay {seconds}; double; lose; reorder (waits until another went); bad_signature, stale, signtest (the true one follows unless then_true is false); amount {fen}; mchid; appid |
| `template` | block (`failed:user block`), fail (`failed: system failed`), lose (no event): how a template message ends |
| `transfer` | fail {reason, at: "create"?}; expire; accepted (package, or with a grant the end, comes later); stuck (stays PROCESSING) |

Seeded persons: 林杰, 陈梅 and 张伟 follow the account, 王芳 and 赵磊 do not yet. A reset
makes new tokens and a new JS-SDK ticket: a mall that caches the old ticket must forget it.

The phone and the mall share a host, and cookies know no ports: changing the person
swaps the mall's cookies (all but `sandbox_…`), set again as HttpOnly, Lax, Path=/.
"""

from .server import create_app

__all__ = ["create_app"]
