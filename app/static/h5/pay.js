/* Opens WeChat's paying sheet, from the page of an order or straight from the checkout.
   What it answers proves nothing: the result page asks our server, and our server asks
   WeChat. */
(function () {
  'use strict';

  var NOT_PAID = '#not-paid';

  /* Hands the sheet to WeChat; `paid()` or `open(message)` follows. */
  function show(sheet, paid, open) {
    var here = window.Mall.withBridge(function (bridge) {
      bridge.invoke('getBrandWCPayRequest', sheet, function (answer) {
        var message = String(answer.err_msg || '');
        if (/:ok$/.test(message)) { paid(); return; }
        open(/:cancel$/.test(message) ? '还没有付款，可以继续支付' : (answer.err_desc || '支付没有成功，请重试'));
      });
    });
    if (!here) { open('请在微信中打开后支付'); }
  }

  function busy(button, on) {
    if (on) { button.dataset.label = button.textContent; }
    button.disabled = on;
    button.textContent = on ? '正在打开支付…' : button.dataset.label;
  }

  var button = document.querySelector('[data-pay]');
  if (button) {
    if (location.hash === NOT_PAID) {
      window.Mall.toast('还没有付款，可以继续支付');
      history.replaceState(null, '', location.pathname + location.search);
    }
    button.addEventListener('click', function () {
      busy(button, true);
      window.Mall.call(button.dataset.pay, 'POST').then(function (sheet) {
        show(sheet, function () { location.replace(button.dataset.result); }, function (message) {
          busy(button, false);
          window.Mall.toast(message);
        });
      }, function (error) {
        busy(button, false);
        window.Mall.toast(error.message);
        // The order can't be paid any more: its page says why.
        if (error.code === 'not_payable') { setTimeout(function () { location.reload(); }, 1500); }
      });
    });
  }

  /* The checkout: one tap orders and opens the sheet. Who shuts it finds the order waiting. */
  var form = document.querySelector('form[data-pays]');
  var submit = form && document.querySelector('button[form="' + form.id + '"]');
  if (!submit) { return; }
  form.addEventListener('submit', function (event) {
    var way = form.querySelector('[name="pay"]:checked');
    if (event.defaultPrevented || (way && way.value !== 'wechat')) { return; }
    event.preventDefault();
    if (submit.disabled) { return; }
    busy(submit, true);
    window.Mall.call(form.action, 'POST', new FormData(form)).then(function (placed) {
      function wait() { location.replace(placed.pay); }
      if (!placed.sheet) { wait(); return; }
      show(placed.sheet, function () { location.replace(placed.result); }, function () {
        location.replace(placed.pay + NOT_PAID);
      });
    }, function (error) {
      busy(submit, false);
      delete form.dataset.sent;
      // What the page shows is no longer so: the answer to the form is the page anew.
      if (error.isPage) { form.submit(); return; }
      window.Mall.toast(error.message);
    });
  });
}());
