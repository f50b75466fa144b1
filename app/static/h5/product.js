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

  function chosen() { return sheet.querySelector('input[name=sku]:checked'); }
  function most() {
    return Math.min(Number(stepper.dataset.most), Number(chosen() ? chosen().dataset.stock : 1));
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
    money.querySelector('b').textContent = sku.dataset.yuan;
    money.querySelector('i:last-child').textContent = '.' + sku.dataset.rest;
    sheet.querySelector('[data-stock]').textContent = '库存 ' + sku.dataset.stock + ' 件';
    sheet.querySelector('[data-name]').textContent = '已选 ' + sku.dataset.name;
    document.querySelector('[data-chosen]').textContent = sku.dataset.name;
    document.querySelector('[data-stock-line]').textContent = sku.dataset.stock + ' 件';
    setNumber(Number(number.value));
  }

  sheet.addEventListener('change', function (event) {
    if (event.target.name === 'sku') { show(); }
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
      sheet.classList.remove('is-open');
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
    sheet.classList.toggle('is-open', Boolean(open));
  });
  show();
}());
