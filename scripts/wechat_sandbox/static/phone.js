/* The desk: people on the left, the phone, the strip of calls. Asks once a second. */
(function () {
  'use strict';
  var Sandbox = window.Sandbox;
  var element = Sandbox.element;
  var byId = function (id) { return document.getElementById(id); };
  var desk = byId('desk');
  var mall = desk.dataset.mall;
  var state = null;
  var peopleSeen = '';
  var scanDone = null;

  var sheets = new Sandbox.Sheets(byId('sheets'));
  var strip = new Sandbox.Strip(byId('calls'), byId('strip-empty'), byId('strip-count'), byId('detail'));
  var webview = new Sandbox.Webview({ frame: byId('web-frame'), title: byId('web-title') }, mall, { close: closeWeb });
  var chat = new Sandbox.Chat({ chat: byId('chat'), foot: byId('chat-foot') }, {
    open: openPage, menu: pressMenu,
    post: function (path, body) { return Sandbox.post(path, body).then(refresh); }
  });
  Sandbox.host = new Sandbox.Host(mall, sheets, {
    page: function (data, source) { webview.arrived(data, source); },
    share: function (params) { webview.share = params; },
    close: closeWeb,
    scan: scanForPage
  });

  /* Views */

  function show(name) {
    ['chat', 'profile', 'scan', 'web'].forEach(function (each) { byId('view-' + each).hidden = each !== name; });
    [['chat', 'dock-chat'], ['scan', 'dock-scan'], ['web', 'dock-mall']].forEach(function (pair) {
      byId(pair[1]).classList.toggle('on', name === pair[0]);
    });
    // Hidden lists cannot scroll, so the newest line is sought when the chat is seen.
    if (name === 'chat') { byId('chat').scrollTop = byId('chat').scrollHeight; }
  }

  function openPage(url) {
    var target = new URL(url, mall + '/');
    if (target.origin !== mall && target.origin !== location.origin) {
      sheets.note('沙箱里的手机只打开商城的网页：' + target.origin);
      return;
    }
    if (!state || !state.person) { sheets.note('请先在左边选一个人'); return; }
    webview.open(target.href);
    show('web');
  }

  function closeWeb() {
    webview.shut();
    show('chat');
  }

  function pressMenu(path, scanned) {
    Sandbox.post('/phone/menu', scanned ? { path: path, scanned: scanned } : { path: path }).then(function (result) {
      if (result.open) { openPage(result.open); }
      if (result.message) { sheets.note(result.message); }
      if (result.scan) {
        scanForPage({ needResult: 1 }).then(function (text) {
          show('chat');
          if (text) { pressMenu(path, text); }
        });
      }
      refresh();
    });
  }

  /* Scanning */

  function scanForPage(params) {
    if (!params.needResult) {
      openScan();
      return Promise.resolve('');
    }
    return new Promise(function (resolve) {
      scanDone = function (text) {
        scanDone = null;
        show(webview.frame ? 'web' : 'chat');
        resolve(text);
      };
      openScan();
    });
  }

  function openScan() {
    if (!state || !state.person) { sheets.note('请先在左边选一个人'); return; }
    show('scan');
    fetch('/phone/codes').then(function (answer) { return answer.json(); }).then(drawCodes);
  }

  function codeRow(code) {
    var button = element('button', 'code');
    button.type = 'button';
    var image = element('img');
    image.src = '/phone/qr.png?text=' + encodeURIComponent(code.text);
    image.alt = '';
    image.loading = 'lazy';
    var words = element('span', 'code-words');
    words.append(element('b', '', code.title), element('small', '', code.note + ' · ' + code.text));
    button.append(image, words);
    button.addEventListener('click', function () {
      if (scanDone) { scanDone(code.text); return; }
      Sandbox.post('/phone/scan', { text: code.text }).then(recognised);
    });
    return button;
  }

  function drawCodes(data) {
    var nodes = [];
    var frame = element('div', 'finder');
    frame.append(element('i'), element('span', '', '选一个码，或把复制的图片粘贴到这里'));
    var label = element('label', 'button green upload', '从相册选取二维码');
    var input = element('input');
    input.type = 'file';
    input.accept = 'image/*';
    input.addEventListener('change', function () { decode(input.files[0]); });
    label.append(input);
    frame.append(label);
    nodes.push(frame);
    [['公众号二维码', data.codes], ['商城链接', data.links]].forEach(function (group) {
      if (!group[1].length) { return; }
      nodes.push(element('h3', '', group[0]));
      group[1].forEach(function (code) { nodes.push(codeRow(code)); });
    });
    if (!data.codes.length && !data.links.length) {
      nodes.push(element('p', 'chat-note', '还没有二维码。商城生成推广码后会出现在这里，也可以上传图片。'));
    }
    byId('scan').replaceChildren.apply(byId('scan'), nodes);
  }

  function decode(file) {
    if (!file) { return; }
    var form = new FormData();
    form.append('picture', file);
    if (scanDone) { form.append('only_text', '1'); }
    fetch('/phone/decode', { method: 'POST', body: form }).then(function (answer) { return answer.json(); }).then(recognised);
  }

  // A poster in the webview is copied with the browser's own menu and pasted here.
  document.addEventListener('paste', function (event) {
    if (!byId('view-scan').hidden) { decode(event.clipboardData.files[0]); }
  });
  byId('view-scan').addEventListener('dragover', function (event) { event.preventDefault(); });
  byId('view-scan').addEventListener('drop', function (event) {
    event.preventDefault();
    decode(event.dataTransfer.files[0]);
  });

  function recognised(result) {
    if (result.kind === 'text' && scanDone) {
      scanDone(result.text);
      return;
    }
    if (result.kind === 'page') {
      openPage(result.url);
    } else if (result.kind === 'account') {
      show('chat');
    } else {
      sheets.note(result.message + (result.text ? '：' + result.text : ''));
    }
    refresh();
  }

  /* Profile of the account */

  function drawProfile() {
    var box = byId('profile');
    var person = state && state.person;
    var head = element('div', 'profile-head');
    var words = element('div');
    words.append(element('h3', '', desk.dataset.account), element('p', 'grey', '服务号 · 沙箱'));
    head.append(Sandbox.shopAvatar(), words);
    box.replaceChildren(head, element('p', 'profile-text', '这是公众号的资料页。关注之后，菜单和消息在聊天里。'));
    if (!person) { return; }
    var button = element('button', person.following ? 'button plain wide danger' : 'button green wide', person.following ? '取消关注' : '关注公众号');
    button.type = 'button';
    button.addEventListener('click', function () {
      Sandbox.post(person.following ? '/phone/unfollow' : '/phone/follow').then(function () {
        show('chat');
        refresh();
      });
    });
    box.append(button);
  }

  /* People */

  function drawPeople() {
    var key = JSON.stringify([state.people, state.person && state.person.openid]);
    if (key === peopleSeen) { return; }
    peopleSeen = key;
    var rows = state.people.map(function (person) {
      var isOn = state.person && state.person.openid === person.openid;
      var row = element('li');
      var button = element('button', isOn ? 'person on' : 'person');
      button.type = 'button';
      button.setAttribute('aria-pressed', String(Boolean(isOn)));
      var words = element('span', 'person-words');
      words.append(element('b', '', person.nickname), element('small', '', person.role));
      button.append(Sandbox.avatar(person), words);
      if (person.is_snapshot) { button.append(element('span', 'tag', '快照')); }
      if (person.following) { button.append(element('span', 'tag', '已关注')); }
      button.addEventListener('click', function () { take(person.openid); });
      row.append(button);
      return row;
    });
    byId('people').replaceChildren.apply(byId('people'), rows);
  }

  function take(openid) {
    if (state.person && state.person.openid === openid) { return; }
    // The frame goes first: its pages must not write cookies while they are swapped.
    webview.shut();
    sheets.shutAll();
    scanDone = null;
    Sandbox.post('/phone/person', { openid: openid }).then(function () {
      show('chat');
      refresh();
    });
  }

  byId('new-person').addEventListener('submit', function (event) {
    event.preventDefault();
    var field = event.target.elements.nickname;
    if (!field.value.trim()) { return; }
    Sandbox.post('/phone/person/new', { nickname: field.value }).then(function (person) {
      field.value = '';
      if (person.openid) { take(person.openid); }
    });
  });

  /* Buttons around */

  byId('open-profile').addEventListener('click', function () { drawProfile(); show('profile'); });
  document.querySelectorAll('[data-go]').forEach(function (button) {
    button.addEventListener('click', function () { show(button.dataset.go); });
  });
  byId('leave-scan').addEventListener('click', function () {
    if (scanDone) { scanDone(''); } else { show('chat'); }
  });
  byId('web-close').addEventListener('click', closeWeb);
  byId('web-back').addEventListener('click', function () { webview.back(); });
  byId('web-reload').addEventListener('click', function () { webview.reload(); });
  byId('web-home').addEventListener('click', function () { openPage(mall + '/'); });
  byId('web-more').addEventListener('click', function () {
    var share = webview.share;
    var options = [{ text: '刷新', value: 'reload' }, { text: '复制链接', value: 'copy' }];
    if (share) { options.unshift({ text: '转发给朋友：' + share.title, value: 'share' }); }
    sheets.choose(webview.address || '', options).then(function (value) {
      if (value === 'reload') { webview.reload(); }
      if (value === 'copy') { navigator.clipboard.writeText(webview.address || ''); }
      if (value === 'share') { sheets.note('已转发。换一个人，在“扫一扫”的商城链接里打开。'); }
    });
  });
  byId('dock-chat').addEventListener('click', function () { show('chat'); });
  byId('dock-scan').addEventListener('click', openScan);
  byId('dock-mall').addEventListener('click', function () {
    if (webview.frame) { show('web'); } else { openPage(mall + '/'); }
  });
  byId('strip-clear').addEventListener('click', function () { strip.clear(); });
  byId('check-url').addEventListener('click', function () { Sandbox.post('/phone/check-url').then(refresh); });

  /* State */

  function drawFacts() {
    byId('mode').textContent = { plain: '明文', compat: '兼容', safe: '安全（加密）' }[state.mode] || state.mode;
    var check = state.url_check;
    var node = byId('url-check');
    node.textContent = check ? (check.ok ? '校验通过' : check.error) : '未校验';
    node.className = check ? (check.ok ? 'good' : 'wrong') : '';
    var now = new Date();
    byId('clock').textContent = now.getHours() + ':' + String(now.getMinutes()).padStart(2, '0');
  }

  function refresh() {
    return fetch('/phone/state?since=' + strip.last).then(function (answer) { return answer.json(); }).then(function (data) {
      state = data;
      desk.classList.remove('offline');
      drawPeople();
      drawFacts();
      chat.render(state);
      strip.add(state.calls);
    }).catch(function () { desk.classList.add('offline'); });
  }

  function tick() {
    var next = function () { setTimeout(tick, document.hidden ? 4000 : 1000); };
    refresh().then(next, next);
  }

  show('chat');
  tick();
}());
