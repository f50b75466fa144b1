/* What all pages of the mall share: toasts, dialogs, copying, countdowns, longer
   lists. Pages work without it as far as the browser lets them. */
(function () {
  'use strict';

  function element(tag, style, text) {
    var made = document.createElement(tag);
    made.className = style;
    if (text) { made.textContent = text; }
    return made;
  }

  function toast(text) {
    var box = element('div', 'weui-toast weui-toast_text');
    box.setAttribute('role', 'status');
    box.appendChild(element('p', 'weui-toast__content', text));
    document.body.appendChild(box);
    setTimeout(function () { box.remove(); }, 2400);
  }

  /* Keeps the keyboard inside a dialog; `close` is called for Escape. What it returns
     ends that and gives the focus back to where it was. */
  function hold(box, close) {
    var before = document.activeElement;
    function reached() {
      var all = box.querySelectorAll('a[href], button, input, select, textarea, [tabindex]');
      return Array.prototype.filter.call(all, function (node) {
        return !node.disabled && node.tabIndex >= 0 && node.type !== 'hidden' && node.getClientRects().length;
      });
    }
    function key(event) {
      if (event.key === 'Escape') { event.preventDefault(); close(); return; }
      if (event.key !== 'Tab') { return; }
      var all = reached();
      if (!all.length) { return; }
      var end = event.shiftKey ? all[0] : all[all.length - 1];
      if (document.activeElement === end || !box.contains(document.activeElement)) {
        event.preventDefault();
        all[event.shiftKey ? all.length - 1 : 0].focus();
      }
    }
    document.addEventListener('keydown', key);
    return function () {
      document.removeEventListener('keydown', key);
      if (before && before.isConnected) { before.focus({ preventScroll: true }); }
    };
  }

  /* Asks before something that can't be undone; the answer comes as a promise. */
  function ask(text, yes, no) {
    return new Promise(function (resolve) {
      var shade = element('div', 'weui-mask');
      var box = element('div', 'weui-dialog');
      var foot = element('div', 'weui-dialog__ft');
      function end(answer) {
        release();
        shade.remove();
        box.remove();
        resolve(answer);
      }
      function choice(style, words, answer) {
        var made = element('button', 'weui-dialog__btn ' + style, words);
        made.type = 'button';
        made.addEventListener('click', function () { end(answer); });
        foot.appendChild(made);
        return made;
      }
      box.setAttribute('role', 'alertdialog');
      box.setAttribute('aria-modal', 'true');
      box.setAttribute('aria-label', text);
      box.appendChild(element('div', 'weui-dialog__bd', text));
      choice('weui-dialog__btn_default', no || '取消', false);
      var sure = choice('weui-dialog__btn_primary', yes || '确定', true);
      box.appendChild(foot);
      document.body.appendChild(shade);
      document.body.appendChild(box);
      var release = hold(box, function () { end(false); });
      sure.focus();
    });
  }

  /* JSON from our own server; a refusal becomes an Error with the server's words. A page in
     place of it is one as well (`isPage`). */
  function call(url, method, body) {
    return fetch(url, {
      method: method || 'GET', body: body, credentials: 'same-origin', headers: { Accept: 'application/json' }
    }).then(function (response) {
      var isPage = /html/.test(response.headers.get('Content-Type') || '');
      return response.json().catch(function () { return {}; }).then(function (body) {
        if (!response.ok || isPage) {
          var error = new Error(body.message || '网络不太好，请稍后再试');
          error.code = body.code;
          error.isPage = isPage;
          throw error;
        }
        return body;
      });
    }, function () { throw new Error('网络不太好，请稍后再试'); });
  }

  function copy(text) {
    var field = element('textarea', 'copied');
    field.value = text;
    field.readOnly = true;
    document.body.appendChild(field);
    field.select();
    field.setSelectionRange(0, text.length);
    var good = false;
    // The old way works in WeChat's webview on plain http, too; the new one does not.
    try { good = document.execCommand('copy'); } catch (_) { good = false; }
    field.remove();
    if (good) { toast('已复制'); return; }
    if (!navigator.clipboard) { toast('复制没有成功，请长按选择'); return; }
    navigator.clipboard.writeText(text).then(
      function () { toast('已复制'); }, function () { toast('复制没有成功，请长按选择'); });
  }

  /* Calls `run(bridge)` once WeChat's bridge is there; false if this is not WeChat. */
  function withBridge(run) {
    if (window.WeixinJSBridge) { run(window.WeixinJSBridge); return true; }
    if (!/MicroMessenger/i.test(navigator.userAgent)) { return false; }
    document.addEventListener('WeixinJSBridgeReady', function () { run(window.WeixinJSBridge); }, { once: true });
    return true;
  }

  window.Mall = { toast: toast, ask: ask, hold: hold, call: call, withBridge: withBridge };

  document.addEventListener('error', function (event) {
    if (event.target.tagName === 'IMG') { event.target.classList.add('is-broken'); }
  }, true);
  // Some failed before this script ran.
  document.querySelectorAll('img').forEach(function (picture) {
    if (picture.complete && !picture.naturalWidth && picture.loading !== 'lazy') { picture.classList.add('is-broken'); }
  });

  document.addEventListener('click', function (event) {
    var target = event.target.closest('[data-copy], [data-copy-page], [data-more]');
    if (!target) { return; }
    if (target.hasAttribute('data-copy')) { copy(target.dataset.copy); }
    if (target.hasAttribute('data-copy-page')) { copy(location.href); }
    if (target.hasAttribute('data-more')) { event.preventDefault(); more(target); }
  });

  document.addEventListener('submit', function (event) {
    var form = event.target;
    if (form.dataset.confirm && !form.dataset.sure) {
      event.preventDefault();
      ask(form.dataset.confirm, form.dataset.yes, form.dataset.no).then(function (yes) {
        if (yes) { form.dataset.sure = '1'; form.requestSubmit ? form.requestSubmit() : form.submit(); }
      });
      return;
    }
    if (form.hasAttribute('data-go')) {
      event.preventDefault();
      call(form.action, 'POST').then(
        function (answer) { location.assign(answer.url); }, function (error) { toast(error.message); });
      return;
    }
    if (form.hasAttribute('data-once') || form.dataset.sure) {
      if (form.dataset.sent) { event.preventDefault(); return; }
      form.dataset.sent = '1';
    }
  });
  // A switch saves itself; where that fails it goes back to where it was.
  document.addEventListener('change', function (event) {
    var form = event.target.closest('form[data-switch]');
    if (!form) { return; }
    fetch(form.action, {
      method: 'POST', credentials: 'same-origin', headers: { Accept: 'application/json' }, body: new FormData(form)
    }).then(function (response) {
      if (!response.ok) { throw new Error(); }
      toast('已保存');
    }).catch(function () {
      event.target.checked = !event.target.checked;
      toast('没有保存，请稍后再试');
    });
  });
  // Back from the next page: the form may be sent again; its request_key keeps it one.
  window.addEventListener('pageshow', function () {
    document.querySelectorAll('form[data-sent]').forEach(function (form) {
      delete form.dataset.sent;
      delete form.dataset.sure;
    });
  });

  /* A tile that says where the next products will be. */
  function skeleton() {
    var tile = element('span', 'tile skeleton');
    tile.setAttribute('aria-hidden', 'true');
    tile.appendChild(element('span', 'photo'));
    tile.appendChild(element('span', 'tile-title'));
    tile.appendChild(element('span', 'tile-foot'));
    return tile;
  }

  function more(link) {
    if (link.dataset.busy) { return; }
    link.dataset.busy = '1';
    link.textContent = '加载中…';
    var waiting = link.parentNode.classList.contains('grid') ? [skeleton(), skeleton()] : [];
    waiting.forEach(function (tile) { link.before(tile); });
    function arrived() { waiting.forEach(function (tile) { tile.remove(); }); }
    fetch(link.href, { credentials: 'same-origin' }).then(function (response) {
      if (!response.ok) { throw new Error(); }
      return response.text();
    }).then(function (text) {
      var list = new DOMParser().parseFromString(text, 'text/html').querySelector('[data-list]');
      if (!list) { location.assign(link.href); return; }
      countDown(list);
      arrived();
      link.replaceWith.apply(link, Array.prototype.slice.call(list.children));
    }).catch(function () {
      arrived();
      delete link.dataset.busy;
      link.textContent = '加载失败，点此重试';
    });
  }

  function clock(seconds) {
    var hours = Math.floor(seconds / 3600);
    var rest = [Math.floor(seconds / 60) % 60, seconds % 60].map(function (part) {
      return (part < 10 ? '0' : '') + part;
    }).join(':');
    return hours ? hours + ':' + rest : rest;
  }

  // The server says how many seconds are left: a phone's own clock may be wrong.
  function countDown(page) {
    page.querySelectorAll('[data-countdown]').forEach(function (place) {
      var end = performance.now() + Number(place.dataset.countdown) * 1000;
      (function tick() {
        var left = Math.max(0, Math.round((end - performance.now()) / 1000));
        place.textContent = left ? clock(left) : place.dataset.over;
        if (left) { setTimeout(tick, 1000); }
      }());
    });
  }
  countDown(document);

  function toastNotes(page) {
    page.querySelectorAll('[data-toast]').forEach(function (note) {
      toast(note.textContent);
      note.remove();
    });
  }
  toastNotes(document);

  // A page that htmx fetched to swap a part of it has its notes outside of that part.
  document.addEventListener('htmx:afterRequest', function (event) {
    if (!event.detail.successful) { toast('网络不太好，请稍后再试'); return; }
    toastNotes(new DOMParser().parseFromString(event.detail.xhr.responseText, 'text/html'));
  });
  // The question comes first; its answer submits the form once more.
  document.addEventListener('htmx:confirm', function (event) {
    var form = event.detail.elt;
    if (!form.dataset || !form.dataset.confirm || form.dataset.sure) { return; }
    event.preventDefault();
  });
}());
