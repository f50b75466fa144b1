/* Waits for our server's word on a payment: once a second, twenty times. */
(function () {
  'use strict';

  var page = document.querySelector('[data-result]');
  var tries = 0;

  function show(state) {
    page.dataset.state = state;
    page.querySelectorAll('[data-when]').forEach(function (part) {
      part.hidden = part.dataset.when !== state;
    });
  }

  function ask() {
    tries += 1;
    window.Mall.call(page.dataset.ask).then(function (answer) {
      if (answer.paid) { show('paid'); return; }
      if (answer.status === 'closed') { show('over'); return; }
      again();
    }, again);
  }

  function again() {
    if (tries >= 20) { show('late'); return; }
    setTimeout(ask, 1000);
  }

  if (page && page.dataset.state === 'waiting') { ask(); }
}());
