/* The chat with the official account: lines, menu, text input, profile. */
(function () {
  'use strict';
  var Sandbox = window.Sandbox;
  var element = Sandbox.element;

  function avatar(person) {
    var node = element('span', 'avatar', person.nickname.slice(0, 1));
    node.style.backgroundColor = person.colour;
    return node;
  }

  function shopAvatar() { return element('span', 'avatar shop', '店'); }

  function stamp(seconds) {
    var date = new Date(seconds * 1000);
    var clock = String(date.getHours()).padStart(2, '0') + ':' + String(date.getMinutes()).padStart(2, '0');
    var today = new Date();
    return date.toDateString() === today.toDateString() ? clock : (date.getMonth() + 1) + '月' + date.getDate() + '日 ' + clock;
  }

  function linked(text, open) {
    var node = element('div', 'bubble');
    var rest = String(text);
    // Accounts send links as <a href="…">…</a> or bare; everything else stays text.
    var pattern = /<a\s+href=["']([^"']+)["'][^>]*>([\s\S]*?)<\/a>|(https?:\/\/[^\s<>"'，。）]+)/g;
    var at = 0;
    var match;
    while ((match = pattern.exec(rest))) {
      node.append(rest.slice(at, match.index));
      node.append(link(match[2] || match[3], match[1] || match[3], open));
      at = match.index + match[0].length;
    }
    node.append(rest.slice(at));
    return node;
  }

  function link(text, url, open) {
    var button = element('button', 'text-link', text);
    button.type = 'button';
    button.addEventListener('click', function () { open(url); });
    return button;
  }

  function card(line, open) {
    var body = line.body;
    var node = element('div', 'card');
    if (line.kind === 'template') {
      node.append(element('h3', '', body.title));
      var list = element('dl');
      Object.keys(body.values).forEach(function (key) {
        list.append(element('dt', '', LABELS[key.replace(/\d+$/, '')] || key), element('dd', '', body.values[key]));
      });
      node.append(list);
      if (body.url) { node.append(more('查看详情', body.url, open)); }
    } else if (line.kind === 'receipt') {
      node.append(element('p', 'card-small', body.title), Sandbox.money(body.amount_fen), element('p', 'card-text', body.shop + ' · ' + body.description));
    } else if (line.kind === 'transfer') {
      node.append(element('p', 'card-small', body.title), Sandbox.money(body.amount_fen), element('p', 'card-text', body.remark), element('p', 'card-hint', '请到商城的钱包里点“确认收款”'));
    } else {
      var article = (body.articles || [])[0] || {};
      node.classList.add('article');
      if (article.picurl) {
        var image = element('img');
        image.src = article.picurl;
        image.alt = '';
        image.addEventListener('error', function () { image.remove(); });
        node.append(image);
      }
      node.append(element('h3', '', article.title || '图文消息'), element('p', 'card-text', article.description || ''));
      if (article.url) { node.append(more('阅读全文', article.url, open)); }
    }
    return node;
  }

  var LABELS = {
    thing: '事项', phrase: '状态', character_string: '编号', number: '数量', amount: '金额', time: '时间',
    date: '日期', name: '姓名', phone_number: '电话', const: '类型', letter: '代码', symbol: '符号'
  };

  function more(text, url, open) {
    var button = element('button', 'card-more', text);
    button.type = 'button';
    button.addEventListener('click', function () { open(url); });
    return button;
  }

  function Chat(parts, acts) {
    this.parts = parts;
    this.acts = acts;
    this.seen = null;
    this.footSeen = '';
    this.isTyping = false;
  }

  Chat.prototype.render = function (state) {
    var person = state.person;
    var isNew = false;
    var key = person ? person.openid + ':' + state.chat.map(function (l) { return l.id; }).join() : '';
    if (key !== this.seen) {
      this.seen = key;
      isNew = true;
      this.lines(state);
    }
    var foot = JSON.stringify([person && person.openid, person && person.following, state.menu, this.isTyping]);
    if (foot !== this.footSeen) {
      this.footSeen = foot;
      isNew = true;
      this.foot(state);
    }
    // Last of all: the foot takes its height from the lines above it.
    if (isNew) { this.parts.chat.scrollTop = this.parts.chat.scrollHeight; }
  };

  Chat.prototype.lines = function (state) {
    var self = this;
    var nodes = [];
    var last = 0;
    if (!state.person) {
      nodes.push(element('p', 'chat-note', '请先在左边选一个人'));
    } else if (!state.chat.length) {
      nodes.push(element('p', 'chat-note', state.person.following ? '还没有消息' : '还没有关注这个公众号'));
    }
    state.chat.forEach(function (line) {
      if (line.created_at - last > 300) { nodes.push(element('p', 'chat-time', stamp(line.created_at))); }
      last = line.created_at;
      if (line.kind === 'note') { nodes.push(element('p', 'chat-note', line.body.content)); return; }
      if (line.side !== 'person' && line.kind !== 'text' && line.kind !== 'image') {
        nodes.push(card(line, self.acts.open));
        return;
      }
      var row = element('div', 'line ' + (line.side === 'person' ? 'mine' : 'theirs'));
      var bubble = line.kind === 'text' ? linked(line.body.content, self.acts.open) : element('div', 'bubble', '［' + (line.kind === 'image' ? '图片' : line.kind) + '］');
      row.append(line.side === 'person' ? avatar(state.person) : shopAvatar(), bubble);
      nodes.push(row);
    });
    this.parts.chat.replaceChildren.apply(this.parts.chat, nodes);
  };

  Chat.prototype.foot = function (state) {
    var self = this;
    var foot = this.parts.foot;
    foot.replaceChildren();
    foot.className = 'chat-foot';
    if (!state.person) { return; }
    if (!state.person.following) {
      var follow = element('button', 'button green wide', '关注公众号');
      follow.type = 'button';
      follow.addEventListener('click', function () { follow.disabled = true; self.acts.post('/phone/follow'); });
      foot.append(follow);
      return;
    }
    var buttons = state.menu || [];
    if (buttons.length && !this.isTyping) {
      var keys = element('button', 'foot-switch keyboard');
      keys.type = 'button';
      keys.setAttribute('aria-label', '打字');
      keys.addEventListener('click', function () { self.isTyping = true; self.render(state); });
      foot.append(keys);
      buttons.forEach(function (button, index) { foot.append(self.menuButton(button, index)); });
      return;
    }
    if (buttons.length) {
      var menu = element('button', 'foot-switch menu');
      menu.type = 'button';
      menu.setAttribute('aria-label', '菜单');
      menu.addEventListener('click', function () { self.isTyping = false; self.render(state); });
      foot.append(menu);
    }
    var form = element('form', 'foot-form');
    var input = element('input');
    input.maxLength = 600;
    input.placeholder = '发消息给公众号';
    input.setAttribute('aria-label', '消息');
    input.autocomplete = 'off';
    form.append(input, element('button', 'button green small', '发送'));
    form.addEventListener('submit', function (event) {
      event.preventDefault();
      if (!input.value.trim()) { return; }
      self.acts.post('/phone/text', { content: input.value });
      input.value = '';
    });
    foot.append(form);
  };

  Chat.prototype.menuButton = function (button, index) {
    var self = this;
    var node = element('div', 'menu-item');
    var children = button.sub_button || [];
    var face = element('button', 'menu-face' + (children.length ? ' has-more' : ''), button.name);
    face.type = 'button';
    node.append(face);
    if (!children.length) {
      face.addEventListener('click', function () { self.acts.menu([index]); });
      return node;
    }
    var list = element('div', 'menu-pop');
    list.hidden = true;
    children.forEach(function (child, at) {
      var entry = element('button', '', child.name);
      entry.type = 'button';
      entry.addEventListener('click', function () { list.hidden = true; self.acts.menu([index, at]); });
      list.append(entry);
    });
    face.addEventListener('click', function () {
      var open = list.hidden;
      self.parts.foot.querySelectorAll('.menu-pop').forEach(function (other) { other.hidden = true; });
      list.hidden = !open;
    });
    node.append(list);
    return node;
  };

  Sandbox.Chat = Chat;
  Sandbox.avatar = avatar;
  Sandbox.shopAvatar = shopAvatar;
}());
