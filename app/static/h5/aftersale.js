/* The form of an after-sale: pieces, the most for them, and the sum. The server
   says the most for each number of pieces and checks all of it again. */
(function () {
  'use strict';

  var form = document.querySelector('[data-aftersale]');
  if (!form) { return; }
  var sum = document.querySelector('[data-sum]');
  var lines = Array.prototype.slice.call(form.querySelectorAll('[data-ask-line]')).map(function (box) {
    var most = JSON.parse(box.dataset.most);
    return {
      most: most,
      tick: box.querySelector('input[type=checkbox]'),
      pieces: box.querySelector('.stepper input'),
      less: box.querySelector('[data-less]'),
      add: box.querySelector('[data-add]'),
      amount: box.querySelector('.ask-amount input'),
      shown: box.querySelector('[data-most-shown]')
    };
  });

  function yuan(fen) {
    return Math.floor(fen / 100).toString() + '.' + ('0' + fen % 100).slice(-2);
  }

  function grouped(fen) {
    return yuan(fen).replace(/\B(?=(\d{3})+\.)/g, ',');
  }

  /* What was typed in fen; 0 for what is no amount (the server says so then). */
  function fen(text) {
    var match = /^(\d{1,10})(?:\.(\d{1,2}))?$/.exec(text.trim());
    return match ? Number(match[1]) * 100 + Number(((match[2] || '') + '00').slice(0, 2)) : 0;
  }

  function add() {
    if (!sum) { return; }
    var total = lines.reduce(function (before, line) {
      return before + (line.tick.checked && line.amount ? fen(line.amount.value) : 0);
    }, 0);
    sum.textContent = '¥' + grouped(total);
  }

  function setPieces(line, value) {
    var all = line.most.length - 1;
    var held = Math.max(1, Math.min(all, value || 1));
    line.pieces.value = held;
    line.less.disabled = held <= 1;
    line.add.disabled = held >= all;
    if (line.amount) {
      line.amount.value = yuan(line.most[held]);
      line.shown.textContent = grouped(line.most[held]);
    }
    add();
  }

  lines.forEach(function (line) {
    if (line.pieces) {
      var held = Number(line.pieces.value) || 1;
      line.less.disabled = held <= 1;
      line.add.disabled = held >= line.most.length - 1;
      if (line.shown && line.most[held] !== undefined) { line.shown.textContent = grouped(line.most[held]); }
      line.less.addEventListener('click', function () { setPieces(line, Number(line.pieces.value) - 1); });
      line.add.addEventListener('click', function () { setPieces(line, Number(line.pieces.value) + 1); });
      line.pieces.addEventListener('change', function () { setPieces(line, parseInt(line.pieces.value, 10)); });
    }
    if (line.amount) { line.amount.addEventListener('input', add); }
    line.tick.addEventListener('change', add);
  });
  add();
}());
