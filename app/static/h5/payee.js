/* The bank's name is asked for a card only. */
(function () {
  'use strict';
  var bank = document.querySelector('[data-for="bank"]');
  if (!bank) { return; }
  function show() {
    var way = document.querySelector('input[name="channel"]:checked');
    bank.hidden = Boolean(way) && way.value !== 'bank';
  }
  document.addEventListener('change', show);
  show();
}());
