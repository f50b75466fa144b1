/* Opens WeChat's page on which the member takes a transfer, or grants to take the
   ones to come; the button says what is asked for. The page's ok means that the
   page was answered, not that the money came: our server asks. */
(function () {
  'use strict';

  var button = document.querySelector('[data-transfer]');
  if (!button) { return; }
  var tries = 0;

  function wait() {
    tries += 1;
    window.Mall.call(button.dataset.ask).then(function (answer) {
      if (!answer.waits) { location.reload(); return; }
      again();
    }, again);
  }

  function again() {
    if (tries < 20) { setTimeout(wait, 1000); return; }
    button.disabled = false;
    window.Mall.toast('还没有收到微信的结果，请稍后刷新查看');
  }

  button.addEventListener('click', function () {
    button.disabled = true;
    var facts = { mchId: button.dataset.mch, appId: button.dataset.app, package: button.dataset.package };
    var here = window.Mall.withBridge(function (bridge) {
      bridge.invoke('requestMerchantTransfer', facts, function (answer) {
        var message = String(answer.err_msg || '');
        if (/:ok$/.test(message)) { tries = 0; window.Mall.toast(button.dataset.busy); wait(); return; }
        button.disabled = false;
        window.Mall.toast(/:cancel$/.test(message) ? button.dataset.undone : (answer.err_desc || '没有打开成功，请更新微信后重试'));
      });
    });
    if (!here) { button.disabled = false; window.Mall.toast('请在微信中打开后操作'); }
  });
}());
