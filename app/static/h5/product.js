/* The gallery's counter and the sheet of choices. */
(function () {
  'use strict';

  var strip = document.querySelector('.gallery-strip');
  var count = document.querySelector('[data-count]');
  if (strip && count) {
    strip.addEventListener('scroll', function () {
      var at = Math.round(strip.scrollLeft / strip.clientWidth) + 1;
      count.textContent = at + '/' + strip.children.length;
    }, { passive: true });
  }

  var sheet = document.getElementById('sheet');
  if (!sheet) { return; }
  var stepper = sheet.querySelector('[data-stepper]');
  var number = stepper.querySelector('input');
  var less = stepper.querySelector('[data-less]');
  var add = stepper.querySelector('[data-add]');

  var form = sheet.querySelector('form');
  var offers = JSON.parse(form.dataset.offers);
  var unit = form.dataset.unit;
  var specs = Array.prototype.slice.call(sheet.querySelectorAll('[data-spec]'));
  var hidden = sheet.querySelector('[data-sku]');

  var release = null;
  function toggle(isOpen) {
    if (isOpen === Boolean(release)) { return; }
    sheet.classList.toggle('is-open', isOpen);
    if (isOpen) {
      release = window.Mall.hold(sheet, function () { toggle(false); });
      sheet.querySelector('.sheet-close').focus();
    } else {
      release();
      release = null;
    }
  }

  function picked() {
    return specs.map(function (spec) {
      var input = spec.querySelector('input:checked');
      return input ? input.value : null;
    });
  }

  function fits(offer, values) {
    return values.every(function (value, at) { return value === null || offer.values[at] === value; });
  }

  function chosen() {
    var input = sheet.querySelector('input[name=sku]:checked');
    return offers.filter(function (offer) {
      return specs.length ? fits(offer, picked()) : input && offer.id === Number(input.value);
    })[0];
  }

  /* A value is greyed out when nothing with it, and with what is picked beside it, is left. */
  function grey() {
    var values = picked();
    specs.forEach(function (spec, at) {
      spec.querySelectorAll('input').forEach(function (input) {
        var tried = values.slice();
        tried[at] = input.value;
        input.disabled = !offers.some(function (offer) { return offer.stock > 0 && fits(offer, tried); });
      });
    });
  }

  /* What was picked first stays; what does not go with it any more gives way. */
  function settle(at) {
    var values = picked();
    var found = chosen();
    if (found && found.stock > 0) { return; }
    var near = offers.filter(function (offer) { return offer.stock > 0 && offer.values[at] === values[at]; })[0];
    if (!near) { return; }
    specs.forEach(function (spec, place) {
      spec.querySelectorAll('input').forEach(function (input) {
        if (input.value === near.values[place]) { input.disabled = false; input.checked = true; }
      });
    });
  }

  function most() {
    var sku = chosen();
    return Math.min(Number(stepper.dataset.most), sku ? sku.stock : 1);
  }

  function setNumber(value) {
    var held = Math.max(1, Math.min(most(), value || 1));
    number.value = held;
    less.disabled = held <= 1;
    add.disabled = held >= most();
  }

  function show() {
    var sku = chosen();
    if (!sku) { return; }
    var money = sheet.querySelector('[data-price] .money');
    money.querySelector('b').textContent = sku.yuan;
    money.querySelector('i:last-child').textContent = '.' + sku.rest;
    sheet.querySelector('[data-stock]').textContent = '库存 ' + sku.stock + ' ' + unit;
    sheet.querySelector('[data-name]').textContent = '已选 ' + sku.name;
    document.querySelector('[data-chosen]').textContent = sku.name;
    document.querySelector('[data-stock-line]').textContent = sku.stock + ' ' + unit;
    if (hidden) { hidden.value = sku.id; }
    if (sku.picture) {
      sheet.querySelectorAll('[data-sheet-photo] source').forEach(function (source) { source.remove(); });
      sheet.querySelector('[data-sheet-photo] img').src = sku.picture;
    }
    grey();
    setNumber(Number(number.value));
  }

  sheet.addEventListener('change', function (event) {
    var spec = event.target.closest('[data-spec]');
    if (spec) { settle(Number(spec.dataset.spec)); }
    if (spec || event.target.name === 'sku') { show(); }
    if (event.target === number) { setNumber(parseInt(number.value, 10)); }
  });
  less.addEventListener('click', function () { setNumber(Number(number.value) - 1); });
  add.addEventListener('click', function () { setNumber(Number(number.value) + 1); });

  // Putting in leaves the page where it is: people put in one thing after another.
  sheet.querySelector('form').addEventListener('submit', function (event) {
    var button = event.submitter;
    if (!button || !button.hasAttribute('data-add-cart')) { return; }
    event.preventDefault();
    button.disabled = true;
    window.Mall.call(button.formAction, 'POST', new FormData(event.target)).then(function (answer) {
      toggle(false);
      window.Mall.toast(answer.message);
      document.querySelectorAll('[data-cart-badge]').forEach(function (badge) {
        badge.textContent = answer.count < 100 ? answer.count : '99+';
        badge.hidden = !answer.count;
      });
    }, function (error) { window.Mall.toast(error.message); }).then(function () {
      button.disabled = false;
    });
  });

  document.addEventListener('click', function (event) {
    var open = event.target.closest('[data-open-sheet]');
    var close = event.target.closest('[data-close-sheet]');
    if (!open && !close) { return; }
    event.preventDefault();
    toggle(Boolean(open));
  });
  show();
}());
