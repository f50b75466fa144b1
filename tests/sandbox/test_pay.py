"""JSAPI orders, refunds and bills, through wechatpayv3."""

import csv
import gzip
import hashlib
import io
import json
import time
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from wechatpy.utils import random_string

from scripts.wechat_sandbox import signing

from .conftest import LIN, WANG, wait_for
from .test_web_login import browser

pytestmark = pytest.mark.engine_free

NO = "M20261121000001"


def order(call, out_trade_no=NO, total=12800, openid=WANG, **more):
    return call(
        "pay",
        description="龙井茶",
        out_trade_no=out_trade_no,
        amount={"total": total, "currency": "CNY"},
        payer={"openid": openid},
        **more,
    )


def paid(sandbox, call, out_trade_no=NO, total=12800):
    _, data = order(call, out_trade_no, total)
    return sandbox.control.post(f"/persons/{WANG}/pay", prepay_id=data["prepay_id"])


def notices(sandbox, wxpay):
    """What came in, verified and decrypted by the real client."""
    return [wxpay.callback(headers, body) for headers, body in sandbox.mall.notices]


def test_pay_query_and_notice(sandbox, call, wxpay):
    status, data = order(call, attach="a")
    _, before = call("query", out_trade_no=NO)
    sandbox.control.post(f"/persons/{WANG}/pay", prepay_id=data["prepay_id"])
    wait_for(lambda: sandbox.mall.notices)
    _, after = call("query", out_trade_no=NO)
    _, by_id = call("query", transaction_id=after["transaction_id"])
    (notice,) = notices(sandbox, wxpay)

    assert (status, len(data["prepay_id"])) == (200, 36)
    assert before["trade_state"] == "NOTPAY"
    assert {"transaction_id", "success_time", "bank_type"}.isdisjoint(before)
    assert after["trade_state"] == "SUCCESS"
    assert after["amount"] == {
        "total": 12800,
        "currency": "CNY",
        "payer_total": 12800,
        "payer_currency": "CNY",
    }
    assert by_id == after
    assert notice["event_type"] == "TRANSACTION.SUCCESS"
    assert notice["resource"] == after | {"attach": "a"}
    assert after["success_time"].endswith("+08:00")


def test_the_same_number_again_needs_the_same_parameters(sandbox, call):
    first = order(call)

    assert order(call) == first
    status, data = order(call, total=12801)
    assert (status, data["code"]) == (403, "OUT_TRADE_NO_USED")


def test_paid_and_closed_numbers_are_not_reused(sandbox, call):
    paid(sandbox, call)
    order(call, "M20261121000002")
    assert call("close", "M20261121000002") == (204, None)
    assert call("close", "M20261121000002") == (204, None)

    assert order(call)[1]["code"] == "ORDERPAID"
    assert order(call, "M20261121000002")[1]["code"] == "ORDER_CLOSED"
    assert call("close", NO)[1]["code"] == "ORDERPAID"
    assert call("query", out_trade_no="M20261121000002")[1]["trade_state"] == "CLOSED"
    assert call("query", out_trade_no="M2026112100000X")[0] == 404


@pytest.mark.parametrize(
    "change",
    [
        {"out_trade_no": "M1"},
        {"out_trade_no": "M" * 33},
        {"out_trade_no": "M2026 1121"},
        {"description": "字" * 128},
        {"attach": "a" * 129},
        {"notify_url": "https://mall.example.com/n?x=1"},
        {"notify_url": "http://other.example.com/n"},
        {"amount": {"total": 0}},
        {"amount": {"total": 1.5}},
        {"amount": {"total": True}},
        {"amount": {"total": 1, "currency": "USD"}},
        {"payer": {"openid": "oNobody"}},
        {"time_expire": "tomorrow"},
        {"time_expire": "2020-01-01T00:00:00+08:00"},
        {"time_expire": "2099-01-01T00:00:00+08:00"},
    ],
)
def test_orders_outside_the_rules_are_refused(sandbox, call, change):
    fields = {
        "description": "茶",
        "out_trade_no": NO,
        "amount": {"total": 1},
        "payer": {"openid": WANG},
        "notify_url": sandbox.config.mall_url + "/wechat/pay/notify",
        **change,
    }

    status, data = call("pay", **fields)

    assert (status, data["code"]) == (400, "PARAM_ERROR")
    assert sandbox.control.get("/transactions")["transactions"] == []


def test_time_expire_closes_the_order(sandbox, call):
    until = time.strftime("%Y-%m-%dT%H:%M:%S+08:00", time.gmtime(time.time() + 8 * 3600 + 600))
    _, data = order(call, time_expire=until)
    sandbox.control.post("/clock", advance=601)

    answer = requests.post(
        f"{sandbox.control.base}/persons/{WANG}/pay",
        json={"prepay_id": data["prepay_id"]},
        timeout=5,
    )

    assert (answer.status_code, answer.json()["error"]) == (409, "该订单已关闭")
    assert call("query", out_trade_no=NO)[1]["trade_state"] == "CLOSED"


# Who calls


def raw(sandbox, *, body=b"", path=f"/v3/pay/transactions/out-trade-no/{NO}?mchid=x", **change):
    """A request signed by hand, to be spoilt."""
    config = sandbox.config
    pem = Path(config.folder, "merchant_key.pem").read_bytes()
    merchant_key = load_pem_private_key(pem, None)
    values = {
        "mchid": config.mchid,
        "nonce_str": random_string(32),
        "timestamp": str(int(time.time())),
        "serial_no": config.merchant_serial,
        **change,
    }
    text = signing.request_text("GET", path, values["timestamp"], values["nonce_str"], body)
    values.setdefault("signature", signing.rsa_sign(merchant_key, text))
    header = signing.SCHEMA + " " + ",".join(f'{k}="{v}"' for k, v in values.items())
    return requests.get(
        sandbox.url + path,
        timeout=5,
        headers={"Authorization": header, "Accept": "application/json"},
    )


def test_a_right_signature_passes_and_wrong_ones_do_not(sandbox):
    # mchid=x in the query is refused only after the signature was found right.
    assert raw(sandbox).json()["code"] == "NO_AUTH"
    for change in (
        {"timestamp": str(int(time.time()) - 301)},
        {"serial_no": "00"},
        {"mchid": "1"},
        {"signature": "AAAA"},
    ):
        answer = raw(sandbox, **change)
        assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")
    answer = requests.get(sandbox.url + "/v3/pay/transactions/id/1?mchid=1", timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")


def test_answers_with_a_wrong_signature_are_noticed_by_the_client(sandbox, wxpay, call):
    order(call)
    sandbox.control.fault("/v3/pay/*", "bad_signature")

    with pytest.raises(Exception, match="failed to verify the signature"):
        wxpay.query(out_trade_no=NO)


# The phone pays


def pay_params(sandbox, wxpay, prepay_id):
    stamp, nonce = str(int(time.time())), random_string(32)
    package = f"prepay_id={prepay_id}"
    return {
        "appId": sandbox.config.appid,
        "timeStamp": stamp,
        "nonceStr": nonce,
        "package": package,
        "signType": "RSA",
        "paySign": wxpay.sign([sandbox.config.appid, stamp, nonce, package]),
    }


def sheet(sandbox, session, params, step="check", url=None):
    return session.post(
        f"{sandbox.url}/_js/pay/{step}",
        timeout=5,
        json={
            "params": params,
            "url": url or sandbox.config.mall_url + "/checkout",
        },
    ).json()


def test_the_sheet_opens_and_pays_with_the_clients_signature(sandbox, call, wxpay):
    params = pay_params(sandbox, wxpay, order(call)[1]["prepay_id"])
    session = browser(sandbox)

    shown = sheet(sandbox, session, params)
    sheet(sandbox, session, params, "confirm")
    again = sheet(sandbox, session, params, "confirm")

    assert (shown["ok"], shown["amount_fen"], shown["description"]) == (True, 12800, "龙井茶")
    assert call("query", out_trade_no=NO)[1]["trade_state"] == "SUCCESS"
    assert again == {"ok": False, "message": "该订单已支付"}


def test_the_sheet_stays_closed_for_wrong_requests(sandbox, call, wxpay):
    params = pay_params(sandbox, wxpay, order(call)[1]["prepay_id"])
    session = browser(sandbox)
    mine = browser(sandbox, LIN)

    assert sheet(sandbox, mine, params)["message"] == "下单账号与支付账号不一致"
    assert sheet(sandbox, session, params | {"nonceStr": "x"})["message"] == "支付验证签名失败"
    assert sheet(sandbox, session, params | {"signType": "MD5"})["message"] == "支付验证签名失败"
    assert "未注册" in sheet(sandbox, session, params, url="http://evil.example/")["message"]
    sandbox.control.post("/clock", advance=7200)
    assert "过期" in sheet(sandbox, session, params, "confirm")["message"]
    assert call("query", out_trade_no=NO)[1]["trade_state"] == "NOTPAY"


# Refunds


def refund(call, number="R1", fen=4000, total=12800, **more):
    return call(
        "refund",
        out_refund_no=number,
        out_trade_no=NO,
        amount={"refund": fen, "total": total, "currency": "CNY"},
        **more,
    )


def test_refund_is_processing_then_done_with_a_notice(sandbox, call, wxpay):
    paid(sandbox, call)
    url = sandbox.config.mall_url + "/wechat/refund/notify"

    status, data = refund(call, notify_url=url)
    again = refund(call, notify_url=url)
    done = wait_for(lambda: (r := call("query_refund", "R1")[1])["status"] == "SUCCESS" and r)
    wait_for(lambda: len(sandbox.mall.notices) == 2)

    assert (status, data["status"], data["amount"]["refund"]) == (200, "PROCESSING", 4000)
    assert again[1]["refund_id"] == data["refund_id"]
    assert "success_time" in done
    notice = next(n for n in notices(sandbox, wxpay) if n["event_type"] == "REFUND.SUCCESS")
    assert notice["resource"]["refund_status"] == "SUCCESS"
    assert notice["resource"]["amount"] == {
        "total": 12800,
        "refund": 4000,
        "payer_total": 12800,
        "payer_refund": 4000,
    }
    assert call("query", out_trade_no=NO)[1]["trade_state"] == "REFUND"


def test_refunds_never_exceed_what_was_paid(sandbox, call):
    sandbox.control.post("/settings", auto_refunds=False)
    paid(sandbox, call)
    refund(call, "R1", 12000)

    assert refund(call, "R2", 801)[1]["code"] == "INVALID_REQUEST"
    assert refund(call, "R1", 11999)[1]["code"] == "INVALID_REQUEST"
    assert refund(call, "R3", 800, total=1)[1]["code"] == "INVALID_REQUEST"
    assert refund(call, "R4", 800)[0] == 200
    assert len(sandbox.control.get("/refunds")["refunds"]) == 2


@pytest.mark.parametrize("end", ["ABNORMAL", "CLOSED"])
def test_refunds_that_go_wrong_are_told(sandbox, call, wxpay, end):
    sandbox.control.post("/settings", auto_refunds=False)
    paid(sandbox, call)
    refund(call, notify_url=sandbox.config.mall_url + "/wechat/refund/notify")

    sandbox.control.post("/refunds/R1/finish", status=end)

    wait_for(lambda: len(sandbox.mall.notices) == 2)
    events = {n["event_type"] for n in notices(sandbox, wxpay)}
    assert f"REFUND.{end}" in events
    assert call("query_refund", "R1")[1]["status"] == end


def test_unpaid_orders_and_an_empty_account_refuse_refunds(sandbox, call):
    order(call)
    assert refund(call)[1]["code"] == "TRADE_ERROR"
    sandbox.control.post(f"/persons/{WANG}/pay", prepay_id=order(call)[1]["prepay_id"])
    sandbox.control.post("/settings", balance_fen=3999)

    assert refund(call)[1]["code"] == "NOT_ENOUGH"
    assert call("query_refund", "R1")[0] == 404


# Bills


def test_bills_of_yesterday(sandbox, call, wxpay):
    paid(sandbox, call)
    refund(call)
    wait_for(lambda: call("query_refund", "R1")[1]["status"] == "SUCCESS")
    sandbox.control.post("/settings", bills_at_once=True)
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600))

    _, offer = call("trade_bill", bill_date=day)
    status, packed = wxpay.download_bill(offer["download_url"])
    trade = gzip.decompress(packed)
    _, flow_offer = call("fundflow_bill", bill_date=day)
    flow = gzip.decompress(wxpay.download_bill(flow_offer["download_url"])[1])

    assert status == 200
    assert hashlib.sha1(trade).hexdigest() == offer["hash_value"]
    rows = list(csv.reader(io.StringIO(trade.decode())))
    assert (len(rows), len(rows[0]), len(rows[1])) == (5, 27, 27)
    assert (rows[1][6], rows[1][12], rows[1][22]) == ("`" + NO, "`128.00", "`0.77000")
    assert (rows[2][15], rows[2][16]) == ("`R1", "`40.00")
    assert rows[4][:3] == ["`2", "`128.00", "`40.00"]
    flows = list(csv.reader(io.StringIO(flow.decode())))
    assert [(r[3], r[5], r[6]) for r in flows[1:5]] == [
        ("`交易", "`收入", "`128.00"),
        ("`扣除交易手续费", "`支出", "`0.77"),
        ("`退款", "`支出", "`40.00"),
        ("`退还手续费", "`收入", "`0.24"),
    ]
    assert flows[6] == ["`4", "`2", "`128.24", "`2", "`40.77"]


def test_bills_come_after_ten_the_next_day(sandbox, call):
    sandbox.control.post("/clock", at="2026-11-21T12:00:00+08:00")
    paid(sandbox, call)
    ask = {"bill_date": "2026-11-21"}

    today = call("trade_bill", **ask)
    sandbox.control.post("/clock", at="2026-11-22T09:59:00+08:00")
    early = call("trade_bill", **ask)
    sandbox.control.post("/clock", at="2026-11-22T10:00:01+08:00")

    assert today[1]["code"] == "INVALID_REQUEST"
    assert early[1]["code"] == "STATEMENT_CREATING"
    assert call("trade_bill", **ask)[0] == 200
    assert call("trade_bill", bill_date="2026-11-20")[1]["code"] == "NO_STATEMENT_EXIST"


def test_state_survives_a_restart(sandbox, call):
    from scripts.wechat_sandbox.store import Store

    order(call)

    store = Store(sandbox.config.folder + "/sandbox.sqlite3")
    row = store.one("SELECT * FROM orders")
    store.close()
    assert json.loads(row["request"])["total"] == 12800
