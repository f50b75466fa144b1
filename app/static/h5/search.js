/* Words to search for, offered while somebody types. */
(function () {
  'use strict';

  var bar = document.querySelector('[data-search]');
  if (!bar) { return; }
  var input = bar.querySelector('input[name=q]');
  var list = bar.querySelector('[data-words]');
  var timer = 0;
  var asked = '';

  function show(words) {
    list.replaceChildren.apply(list, words.map(function (word) {
      var item = document.createElement('li');
      var link = document.createElement('a');
      link.textContent = word;
      link.href = bar.action + '?q=' + encodeURIComponent(word);
      item.appendChild(link);
      return item;
    }));
    list.hidden = !words.length;
  }

  function ask() {
    var typed = input.value.trim();
    if (typed === asked) { return; }
    asked = typed;
    if (!typed) { show([]); return; }
    fetch(bar.dataset.suggest + '?q=' + encodeURIComponent(typed), { credentials: 'same-origin' })
      .then(function (answer) { return answer.ok ? answer.json() : { words: [] }; })
      .then(function (found) {
        // A slow answer to what was typed before must not cover the newer one.
        if (asked === typed && document.activeElement === input) { show(found.words); }
      })
      .catch(function () { show([]); });
  }

  input.addEventListener('input', function (event) {
    // A Chinese keyboard spells the sound first; that is not yet a word.
    if (event.isComposing) { return; }
    clearTimeout(timer);
    timer = setTimeout(ask, 250);
  });
  input.addEventListener('compositionend', function () {
    clearTimeout(timer);
    timer = setTimeout(ask, 250);
  });
  document.addEventListener('click', function (event) {
    if (!event.target.closest('[data-search]')) { list.hidden = true; }
  });
}());
