/* A tap made before the page's own scripts have run is kept and made again once they
   have. Those are deferred: without this a quick tap on 支付 would do nothing, and a form
   that asks first would be sent unasked. Loaded in the head, not deferred itself. */
(function () {
  'use strict';

  var tapped = null;
  var changed = [];

  function keepTap(event) {
    // A plain link needs no script; what says something to one has data on it.
    var target = event.target.closest('button, input[type=submit], a[href]');
    if (!target || (target.tagName === 'A' && !Object.keys(target.dataset).length)) { return; }
    event.preventDefault();
    event.stopImmediatePropagation();
    tapped = target;
  }

  function keepChange(event) {
    if (changed.indexOf(event.target) < 0) { changed.push(event.target); }
  }

  document.addEventListener('click', keepTap, true);
  document.addEventListener('change', keepChange, true);
  document.addEventListener('DOMContentLoaded', function () {
    document.removeEventListener('click', keepTap, true);
    document.removeEventListener('change', keepChange, true);
    // After whatever else waits for this moment.
    setTimeout(function () {
      changed.forEach(function (field) {
        if (field.isConnected) { field.dispatchEvent(new Event('change', { bubbles: true })); }
      });
      if (tapped && tapped.isConnected) { tapped.click(); }
    }, 0);
  });
}());
