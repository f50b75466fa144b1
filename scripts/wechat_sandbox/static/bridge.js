/* The frame that stands in for the phone when the mall is open in a plain tab. */
(function () {
  'use strict';
  var root = document.getElementById('sheets');
  var mall = root.dataset.mall;
  var sheets = new window.Sandbox.Sheets(root, function (shown) {
    window.parent.postMessage({ sandbox: 'show', shown: shown }, mall);
  });
  window.Sandbox.host = new window.Sandbox.Host(mall, sheets);
  window.parent.postMessage({ sandbox: 'bridge' }, mall);
}());
