"""Merchant transfers with the person's confirmation, through wechatpayv3."""

import json

import pytest
from wechatpayv3.type import RequestType

from .conftest import LIN, WANG, wait_for
from .test_web_login import browser

pytestmark = pytest.mark.engine_free

NO = "W20261121000001"
INFOS = [
    {"info_type": "岗位类型", "info_content": "分销员"},
    {"info_type": "报酬说明", "info_content": "推广佣金"},
]


def transfer(call, out_bill_no=NO, fen=2000, openid=LIN, scene="1005", infos=INFOS, **more):
    return call(
        "mch_transfer_bills",
        out_bill_no=out_bill_no,
        transfer_scene_id=scene,
        openid=openid,
        transfer_amount=fen,
        transfer_remark="佣金提现",
        transfer_scene_report_infos=infos,
        **more,
    )


def query(call, out_bill_no=NO):
    return call("mch_transfer_bills_query", out_bill_no=out_bill_no)[1]


def ended(call, state):
    return wait_for(lambda: (bill := query(call))["state"] == state and bill)


def test_confirmed_transfer_is_paid_and_told(sandbox, call, wxpay):
    url = sandbox.config.mall_url + "/wechat/transfer/notify"
    status, made = transfer(call, notify_url=url, user_recv_perception="劳务报酬")
    waiting = query(call)
    params = {
        "mchId": sandbox.config.mchid,
        "appId": sandbox.config.appid,
        "package": made["package_info"],
    }
    body = {"params": params, "url": sandbox.config.mall_url + "/me/wallet"}
    other = (
        browser(sandbox, WANG)
        .post(sandbox.url + "/_js/transfer/check", json=body, timeout=5)
        .json()
    )
    session = browser(sandbox, LIN)
    shown = session.post(sandbox.url + "/_js/transfer/check", json=body, timeout=5).json()
    session.post(sandbox.url + "/_js/transfer/confirm", json=body, timeout=5)
    done = ended(call, "SUCCESS")
    wait_for(lambda: sandbox.mall.notices)
    notice = wxpay.callback(*sandbox.mall.notices[0])

    assert (status, made["state"]) == (200, "WAIT_USER_CONFIRM")
    assert waiting["state"] == "WAIT_USER_CONFIRM"
    assert "package_info" not in waiting
    assert other == {"ok": False, "message": "收款人与当前微信用户不一致"}
    assert (shown["amount_fen"], shown["remark"], shown["payee"]) == (2000, "佣金提现", "林杰")
    assert (done["transfer_amount"], done["openid"], done["mch_id"]) == (
        2000,
        LIN,
        sandbox.config.mchid,
    )
    assert notice["event_type"] == "MCHTRANSFER.BILL.FINISHED"
    assert (notice["resource"]["state"], notice["resource"]["out_bill_no"]) == ("SUCCESS", NO)
    by_id = call("mch_transfer_bills_query", transfer_bill_no=made["transfer_bill_no"])
    assert by_id[1] == done
    settings = sandbox.control.get("/settings")
    assert settings["balance_fen"] == settings["available_fen"] == 100_000_000 - 2000


def test_the_same_number_with_the_same_data_is_one_transfer(sandbox, call):
    first = transfer(call, fen=250000, user_name="林杰")

    again = transfer(call, fen=250000, user_name="林杰")
    other = transfer(call, fen=250001, user_name="林杰")
    renamed = transfer(call, fen=250000, user_name="王杰")

    assert again == first
    assert (other[0], other[1]["code"]) == (400, "ALREADY_EXISTS")
    assert renamed[1]["code"] == "ALREADY_EXISTS"
    assert len(sandbox.control.get("/transfers")["transfers"]) == 1
    assert sandbox.control.get("/settings")["available_fen"] == 100_000_000 - 250000


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"fen": 9}, "INVALID_REQUEST"),
        ({"fen": 2_000_001, "user_name": "林杰"}, "INVALID_REQUEST"),
        ({"infos": INFOS[:1]}, "PARAM_ERROR"),
        ({"infos": [*INFOS, {"info_type": "活动名称", "info_content": "x"}]}, "PARAM_ERROR"),
        (
            {"infos": [INFOS[0], {"info_type": "报酬说明", "info_content": "字" * 33}]},
            "PARAM_ERROR",
        ),
        ({"scene": "1000"}, "NO_AUTH"),
        ({"user_recv_perception": "活动奖励"}, "PARAM_ERROR"),
        ({"out_bill_no": "W-1"}, "PARAM_ERROR"),
        ({"openid": "oNobody"}, "PARAM_ERROR"),
    ],
)
def test_transfers_outside_the_rules_are_refused(sandbox, call, change, code):
    assert transfer(call, **change)[1]["code"] == code
    assert sandbox.control.get("/transfers")["transfers"] == []


def test_names_are_required_from_2000_yuan_and_must_be_decryptable(sandbox, wxpay, call):
    path = "/v3/fund-app/mch-transfer/transfer-bills"
    body = {
        "appid": sandbox.config.appid,
        "out_bill_no": NO,
        "transfer_scene_id": "1005",
        "openid": LIN,
        "transfer_amount": 200000,
        "transfer_remark": "佣金",
        "transfer_scene_report_infos": INFOS,
    }
    missing = wxpay._core.request(path, method=RequestType.POST, data=body)
    wrong = wxpay._core.request(path, method=RequestType.POST, data=body | {"user_name": "AAAA"})

    assert "PARAM_ERROR" in missing[1]
    assert "解密失败" in wrong[1]
    assert transfer(call, fen=200000, user_name="林杰")[0] == 200


def test_a_wrong_name_fails_after_the_confirmation(sandbox, call):
    sandbox.control.post("/persons", openid=LIN, nickname="林杰", real_name="林小杰")
    transfer(call, user_name="林杰")

    sandbox.control.post(f"/transfers/{NO}/confirm")

    assert ended(call, "FAIL")["fail_reason"] == "NAME_NOT_CORRECT"


def test_short_balance_is_refused_and_open_transfers_count(sandbox, call):
    sandbox.control.post("/settings", balance_fen=3000)
    assert transfer(call)[0] == 200

    status, data = transfer(call, "W20261121000002")

    assert (status, data["code"]) == (403, "NOT_ENOUGH")
    assert call("mch_transfer_bills_query", out_bill_no="W20261121000002")[1]["code"] == "NOT_FOUND"


def test_cancel_before_the_confirmation_only(sandbox, call):
    url = sandbox.config.mall_url + "/wechat/transfer/notify"
    transfer(call, notify_url=url)

    status, data = call("mch_transfer_bills_cancel", NO)
    ended(call, "CANCELLED")
    again = call("mch_transfer_bills_cancel", NO)
    transfer(call, "W20261121000002")
    sandbox.control.post("/transfers/W20261121000002/confirm")
    late = call("mch_transfer_bills_cancel", "W20261121000002")

    assert (status, data["state"]) == (200, "CANCELING")
    assert again[1]["state"] == "CANCELLED"
    assert (late[0], late[1]["code"]) == (400, "INVALID_REQUEST")
    wait_for(lambda: sandbox.mall.notices)


def test_nobody_confirms_for_a_day(sandbox, call):
    transfer(call)
    assert sandbox.control.post(f"/transfers/{NO}/refuse")["state"] == "WAIT_USER_CONFIRM"

    sandbox.control.post("/clock", advance=24 * 3600)

    bill = query(call)
    assert (bill["state"], bill["fail_reason"]) == ("FAIL", "OVERDUE_CLOSE")
    assert sandbox.control.get("/settings")["available_fen"] == 100_000_000


def test_scripted_ends(sandbox, call):
    sandbox.control.fault("transfer", "fail", reason="TRANSFER_RISK")
    transfer(call)
    sandbox.control.post(f"/transfers/{NO}/confirm")
    assert ended(call, "FAIL")["fail_reason"] == "TRANSFER_RISK"

    sandbox.control.fault("transfer", "fail", reason="ACCOUNT_FROZEN", at="create")
    made = transfer(call, "W20261121000002")[1]
    assert (made["state"], made["fail_reason"]) == ("FAIL", "ACCOUNT_FROZEN")

    sandbox.control.fault("transfer", "expire")
    transfer(call, "W20261121000003")
    assert query(call, "W20261121000003")["fail_reason"] == "OVERDUE_CLOSE"

    sandbox.control.fault("transfer", "accepted")
    assert "package_info" not in transfer(call, "W20261121000004")[1]
    again = wait_for(lambda: transfer(call, "W20261121000004")[1].get("package_info"))
    assert again

    sandbox.control.fault("transfer", "stuck")
    assert transfer(call, "W20261121000005")[1]["state"] == "PROCESSING"
    assert (
        sandbox.control.post("/transfers/W20261121000005/proceed")["state"] == "WAIT_USER_CONFIRM"
    )


# --- grants -------------------------------------------------------------------------

GRANT = "/v3/fund-app/mch-transfer/user-confirm-authorization"
PAID = "/v3/fund-app/mch-transfer/transfer-bills/transfer"
G = "G20261121000001"


@pytest.fixture
def signed(wxpay):
    """A signed call that the library has no name for: (status, parsed body)."""

    def run(path, body=None, method=RequestType.POST):
        status, text = wxpay._core.request(path, method=method, data=body)
        return status, json.loads(text)

    return run


@pytest.fixture
def wanted(sandbox):
    return {
        "out_authorization_no": G,
        "appid": sandbox.config.appid,
        "openid": LIN,
        "transfer_scene_id": "1005",
        "user_display_name": "林杰",
        "user_recv_perception": "劳务报酬",
        "authorization_notify_url": sandbox.config.mall_url + "/wechat/authorization/notify",
    }


@pytest.fixture
def with_grant(sandbox):
    return {
        "appid": sandbox.config.appid,
        "out_bill_no": NO,
        "transfer_scene_id": "1005",
        "transfer_amount": 2000,
        "transfer_remark": "佣金提现",
        "transfer_scene_report_infos": INFOS,
        "out_authorization_no": G,
    }


def test_a_grant_is_confirmed_by_its_person_told_and_ended(sandbox, signed, wanted, wxpay):
    made = signed(GRANT, wanted)
    one = f"{GRANT}/out-authorization-no/{G}"
    shown = signed(f"{one}?is_display_authorization=true", method=RequestType.GET)[1]
    plain = signed(one, method=RequestType.GET)[1]
    params = {
        "mchId": sandbox.config.mchid,
        "appId": sandbox.config.appid,
        "package": made[1]["package_info"],
    }
    body = {"params": params, "url": sandbox.config.mall_url + "/me/wallet/auto"}
    other, lin = browser(sandbox, WANG), browser(sandbox, LIN)
    steps = [
        who.post(f"{sandbox.url}/_js/transfer/{step}", json=body, timeout=5).json()
        for who, step in ((other, "check"), (lin, "check"), (lin, "confirm"), (lin, "confirm"))
    ]
    closed = signed(f"{one}/close")[1]
    wait_for(lambda: len(sandbox.mall.notices) == 2)
    told = [wxpay.callback(*notice) for notice in sandbox.mall.notices]

    assert (made[0], made[1]["state"], signed(GRANT, wanted)[0]) == (200, "WAIT_USER_CONFIRM", 200)
    assert (shown["package_info"], "package_info" in plain) == (made[1]["package_info"], False)
    assert [step["ok"] for step in steps] == [False, True, True, False]
    assert (steps[1]["is_grant"], steps[1]["account"]) == (True, "林杰")
    assert (closed["state"], closed["close_info"]["close_reason"]) == (
        "CLOSED",
        "CLOSE_VIA_MCH_API",
    )
    events = {told["event_type"]: told["resource"]["state"] for told in told}
    assert events == {
        "MCHTRANSFER.AUTHORIZATION.CONFIRMED": "TAKING_EFFECT",
        "MCHTRANSFER.AUTHORIZATION.CLOSED": "CLOSED",
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"out_authorization_no": "G-1"}, "PARAM_ERROR"),
        ({"out_authorization_no": "G1"}, "PARAM_ERROR"),
        ({"openid": "oNobody"}, "PARAM_ERROR"),
        ({"transfer_scene_id": "1000"}, "NO_AUTH"),
        ({"user_display_name": "茶🍵"}, "PARAM_ERROR"),
        ({"user_display_name": ""}, "PARAM_ERROR"),
        ({"user_recv_perception": "活动奖励"}, "PARAM_ERROR"),
        ({"authorization_notify_url": "http://mall.test/x"}, "PARAM_ERROR"),
        ({"appid": "wx0"}, "APPID_MCHID_NOT_MATCH"),
    ],
)
def test_grants_outside_the_rules_are_refused(sandbox, signed, wanted, change, code):
    assert signed(GRANT, wanted | change)[1]["code"] == code
    assert sandbox.control.get("/authorizations")["authorizations"] == []


def test_a_grant_in_effect_pays_at_once_and_nothing_else_does(
    sandbox, call, signed, wanted, with_grant
):
    signed(GRANT, wanted)
    again = signed(GRANT, wanted | {"user_display_name": "别人"})
    waiting = signed(PAID, with_grant)
    sandbox.control.post(f"/authorizations/{G}/confirm")
    refused = [
        signed(PAID, with_grant | {"openid": LIN}),
        signed(PAID, with_grant | {"authorization_id": "133000007120"}),
        signed(PAID, {k: v for k, v in with_grant.items() if k != "out_authorization_no"}),
    ]
    paid = signed(PAID, with_grant)
    same, other = signed(PAID, with_grant), signed(PAID, with_grant | {"transfer_amount": 2001})
    sandbox.control.fault("transfer", "accepted")
    taken = signed(PAID, with_grant | {"out_bill_no": "W20261121000003"})[1]["state"]
    sandbox.control.post(f"/authorizations/{G}/close")
    gone = signed(PAID, with_grant | {"out_bill_no": "W20261121000002"})
    sandbox.control.post("/clock", advance=1)
    outlived = query(call, "W20261121000003")

    codes = [answer[1]["code"] for answer in (again, waiting, *refused, other, gone)]
    assert codes == [
        "ALREADY_EXISTS",
        "INVALID_REQUEST",
        "PARAM_ERROR",
        "INVALID_REQUEST",
        "INVALID_REQUEST",
        "ALREADY_EXISTS",
        "INVALID_REQUEST",
    ]
    assert (paid[0], paid[1]["state"], same) == (200, "SUCCESS", paid)
    assert (query(call)["state"], query(call)["openid"]) == ("SUCCESS", LIN)
    assert (taken, outlived["state"]) == ("ACCEPTED", "FAIL")
    assert outlived["fail_reason"] == "OTHER_FAIL_REASON_TYPE"
    assert sandbox.control.get("/settings")["available_fen"] == 100_000_000 - 2000


def test_nobody_confirms_a_grant_for_a_day(sandbox, signed, wanted):
    signed(GRANT, wanted)
    one = f"{GRANT}/out-authorization-no/{G}"

    sandbox.control.post("/clock", advance=24 * 3600)
    closed = signed(one, method=RequestType.GET)[1]
    sandbox.control.post("/clock", advance=31 * 86400)

    assert closed["close_info"]["close_reason"] == "USER_OVERDUE_UNCONFIRMED"
    assert signed(one, method=RequestType.GET)[1]["code"] == "NOT_FOUND"
