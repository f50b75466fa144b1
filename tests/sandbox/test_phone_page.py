"""The phone in a real browser, over a mall page with a strict content security policy."""

import json
import time

import pytest
from flask import Response, request
from wechatpy.utils import random_string

from scripts.wechat_sandbox.oa import qr_image

from .conftest import LIN, WANG, wait_for
from .test_messages import reply_with
from .test_pay import NO, order
from .test_transfer import INFOS

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><meta charset="utf-8"><title>商品页</title>
<script src="{sandbox}/open/js/jweixin-1.6.0.js"></script><script src="/page.js"></script>
<button id="pay">付款</button><button id="confirm">收款</button><a href="/page/2">下一页</a>
<pre id="out"></pre>"""
SCRIPT = """
function out(text) { document.getElementById('out').textContent += text + '\\n'; }
function values(name) {
  var page = encodeURIComponent(location.href.split('#')[0]);
  return fetch('/values/' + name + '?url=' + page).then(function (r) { return r.json(); });
}
window.addEventListener('DOMContentLoaded', function () {
  out('at ' + location.pathname + ';');
  values('config').then(function (v) { wx.config(v); });
  wx.ready(function () { out('ready'); });
  wx.error(function (e) { out(e.errMsg); });
  document.getElementById('pay').onclick = function () {
    values('pay').then(function (v) {
      WeixinJSBridge.invoke('getBrandWCPayRequest', v, function (r) { out(r.err_msg); });
    });
  };
  document.getElementById('confirm').onclick = function () {
    values('transfer').then(function (v) {
      WeixinJSBridge.invoke('requestMerchantTransfer', v, function (r) { out(r.err_msg); });
    });
  };
});
"""


@pytest.fixture
def tab(chromium, sandbox, pages):
    context = chromium.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on(
        "console",
        lambda m: page.problems.append(m.text) if "Content Security Policy" in m.text else None,
    )
    yield page
    assert page.problems == []
    context.close()


@pytest.fixture
def pages(sandbox, client, wxpay, call):
    """Pages of a mall that signs what it hands out with the real libraries."""
    config = sandbox.config
    offered = {}

    def page(number=1):
        answer = Response(PAGE.format(sandbox=config.sandbox_url), content_type="text/html")
        answer.headers["Content-Security-Policy"] = (
            f"default-src 'self'; script-src 'self' {config.sandbox_url}; "
            f"style-src 'self' {config.sandbox_url}; frame-src {config.sandbox_url}; "
            f"frame-ancestors {config.sandbox_url}"
        )
        return answer

    def values(name):
        if name in offered:
            return offered[name]
        nonce, stamp = random_string(16), str(int(time.time()))
        ticket = client.jsapi.get_jsapi_ticket()
        return {
            "appId": config.appid,
            "nonceStr": nonce,
            "timestamp": stamp,
            "signature": client.jsapi.get_jsapi_signature(
                nonce, ticket, stamp, request.args["url"]
            ),
            "jsApiList": [],
        }

    sandbox.mall.pages = {
        "page": page,
        "script": lambda: Response(SCRIPT, content_type="text/javascript"),
        "values": lambda name: Response(json.dumps(values(name)), content_type="application/json"),
    }
    return offered


def pay_values(sandbox, wxpay, prepay_id):
    stamp, nonce, package = str(int(time.time())), random_string(32), f"prepay_id={prepay_id}"
    return {
        "appId": sandbox.config.appid,
        "timeStamp": stamp,
        "nonceStr": nonce,
        "package": package,
        "signType": "RSA",
        "paySign": wxpay.sign([sandbox.config.appid, stamp, nonce, package]),
    }


def take(tab, sandbox, name):
    tab.goto(sandbox.url + "/")
    tab.click(f".person:has-text('{name}')")
    tab.wait_for_selector(f".person.on:has-text('{name}')")


def open_mall(tab):
    tab.click("#dock-mall")
    frame = tab.frame_locator("#web-frame iframe")
    frame.locator("#out", has_text="ready").wait_for()
    return frame


def test_follow_and_talk(tab, sandbox):
    sandbox.mall.reply = reply_with("欢迎光临")
    take(tab, sandbox, "王芳")

    tab.click("text=关注公众号")
    tab.wait_for_selector(".theirs .bubble:has-text('欢迎光临')")
    tab.fill(".foot-form input", "在吗")
    tab.click("text=发送")

    tab.wait_for_selector(".mine .bubble:has-text('在吗')")
    tab.wait_for_selector(".call:has-text('推送：文本消息')")
    assert [m[1]["MsgType"] for m in sandbox.mall.messages] == ["event", "text"]


def test_pay_in_the_phone(tab, sandbox, call, wxpay, pages):
    pages["pay"] = pay_values(sandbox, wxpay, order(call)[1]["prepay_id"])
    take(tab, sandbox, "王芳")
    frame = open_mall(tab)

    frame.locator("#pay").click()
    tab.click(".sheet-pay .sheet-close")
    frame.locator("#out", has_text="get_brand_wcpay_request:cancel").wait_for()
    frame.locator("#pay").click()
    assert "128.00" in tab.inner_text(".sheet-pay .money")
    tab.click(".sheet button:has-text('确认支付')")
    tab.click(".sheet button:has-text('完成')")

    frame.locator("#out", has_text="get_brand_wcpay_request:ok").wait_for()
    assert call("query", out_trade_no=NO)[1]["trade_state"] == "SUCCESS"


def test_another_person_cannot_pay(tab, sandbox, call, wxpay, pages):
    pages["pay"] = pay_values(sandbox, wxpay, order(call, openid=LIN)[1]["prepay_id"])
    take(tab, sandbox, "王芳")
    frame = open_mall(tab)

    frame.locator("#pay").click()
    tab.wait_for_selector("text=下单账号与支付账号不一致")
    tab.click("text=知道了")

    frame.locator("#out", has_text="get_brand_wcpay_request:fail").wait_for()


def test_confirm_a_transfer(tab, sandbox, call, pages):
    _, made = call(
        "mch_transfer_bills",
        out_bill_no="W1",
        transfer_scene_id="1005",
        openid=LIN,
        transfer_amount=2000,
        transfer_remark="佣金提现",
        transfer_scene_report_infos=INFOS,
    )
    pages["transfer"] = {
        "mchId": sandbox.config.mchid,
        "appId": sandbox.config.appid,
        "package": made["package_info"],
    }
    take(tab, sandbox, "林杰")
    frame = open_mall(tab)

    frame.locator("#confirm").click()
    tab.click("button:has-text('确认收款')")
    tab.click(".sheet button:has-text('完成')")

    frame.locator("#out", has_text="requestMerchantTransfer:ok").wait_for()
    wait_for(lambda: call("mch_transfer_bills_query", out_bill_no="W1")[1]["state"] == "SUCCESS")


def test_pay_in_a_plain_tab(tab, sandbox, call, wxpay, pages):
    pages["pay"] = pay_values(sandbox, wxpay, order(call)[1]["prepay_id"])
    tab.context.request.post(sandbox.url + "/phone/person", data={"openid": WANG})
    tab.goto(sandbox.config.mall_url + "/page/1")
    tab.locator("#out", has_text="ready").wait_for()

    tab.click("#pay")
    sheet = tab.frame_locator("iframe[title='微信沙箱']")
    sheet.locator("text=确认支付").click()
    sheet.locator("text=完成").click()

    tab.locator("#out", has_text="get_brand_wcpay_request:ok").wait_for()
    assert not tab.is_visible("iframe[title='微信沙箱']")


def test_back_goes_through_the_pages_and_then_to_the_chat(tab, sandbox, pages):
    take(tab, sandbox, "王芳")
    frame = open_mall(tab)
    frame.locator("a").click()
    frame.locator("#out", has_text="at /page/2;").wait_for()
    frame.locator("#out", has_text="ready").wait_for()

    tab.click("#web-back")
    frame.locator("#out", has_text="at /;").wait_for()
    tab.click("#web-back")

    tab.wait_for_selector("#view-chat:visible")


def test_scan_a_picture(tab, sandbox, pages):
    link = sandbox.config.mall_url + "/page/7"
    take(tab, sandbox, "王芳")
    tab.click("#dock-scan")

    picture = {"name": "poster.png", "mimeType": "image/png", "buffer": qr_image(link)}
    tab.set_input_files("#scan input[type=file]", files=[picture])

    frame = tab.frame_locator("#web-frame iframe")
    frame.locator("#out", has_text="at /page/7;").wait_for()


def test_scan_a_code_from_the_list(tab, sandbox, client):
    client.qrcode.create(
        {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "d_42"}}}
    )
    take(tab, sandbox, "王芳")

    tab.click("#dock-scan")
    tab.click(".code:has-text('d_42')")

    wait_for(lambda: sandbox.mall.messages)
    assert sandbox.mall.messages[0][1]["EventKey"] == "qrscene_d_42"
