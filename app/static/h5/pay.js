/* Opens WeChat's paying sheet. What it answers proves nothing: the result page asks
   our server, and our server asks WeChat. */
(function () {
  'use strict';

  var button = document.querySelector('[data-pay]');
  if (!button) { return; }
  var label = button.textContent;

  function busy(on) {
    button.disabled = on;
    button.textContent = on ? '正在打开支付…' : label;
  }

  function pay(sheet) {
    var here = window.Mall.withBridge(function (bridge) {
      bridge.invoke('getBrandWCPayRequest', sheet, function (answer) {
        busy(false);
        var message = String(answer.err_msg || '');
        if (/:ok$/.test(message)) { location.replace(button.dataset.result); return; }
        window.Mall.toast(/:cancel$/.test(message) ? '还没有付款，可以继续支付' : (answer.err_desc || '支付没有成功，请重试'));
      });
    });
    if (!here) { busy(false); window.Mall.toast('请在微信中打开后支付'); }
  }

  button.addEventListener('click', function () {
    busy(true);
    window.Mall.call(button.dataset.pay, 'POST').then(pay, function (error) {
      busy(false);
      window.Mall.toast(error.message);
      // The order can't be paid any more: its page says why.
      if (error.code === 'not_payable') { setTimeout(function () { location.reload(); }, 1500); }
    });
  });
}());
