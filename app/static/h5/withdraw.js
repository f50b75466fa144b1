/* 全部提现 fills the amount. */
(function () {
  'use strict';
  var all = document.querySelector('[data-fill]');
  var field = document.getElementById('amount');
  if (all && field) { all.addEventListener('click', function () { field.value = all.dataset.fill; }); }
}());
