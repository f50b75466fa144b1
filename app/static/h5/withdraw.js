/* 全部提现 fills in the most that the chosen way takes. */
(function () {
  'use strict';
  var all = document.querySelector('[data-fill]');
  var field = document.getElementById('amount');
  if (!all || !field) { return; }
  function most() {
    var way = document.querySelector('input[name="way"]:checked');
    return way ? way.dataset.most : '';
  }
  function mark() { all.disabled = !most(); }
  all.addEventListener('click', function () { field.value = most(); });
  document.addEventListener('change', mark);
  mark();
}());
