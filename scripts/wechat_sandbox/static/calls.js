/* The strip of protocol calls: newest on top, details on click. */
(function () {
  'use strict';
  var Sandbox = window.Sandbox;
  var element = Sandbox.element;
  var KEPT = 200;
  var WAYS = { in: ['商城 → 微信', 'from-mall'], out: ['微信 → 商城', 'to-mall'], page: ['网页 → 手机', 'from-page'] };

  function time(seconds) {
    var date = new Date(seconds * 1000);
    return [date.getHours(), date.getMinutes(), date.getSeconds()].map(function (part) {
      return String(part).padStart(2, '0');
    }).join(':');
  }

  function Strip(list, empty, count, dialog) {
    this.list = list;
    this.empty = empty;
    this.count = count;
    this.dialog = dialog;
    this.last = 0;
    this.total = 0;
    this.isFirst = true;
  }

  Strip.prototype.add = function (calls) {
    var self = this;
    calls.forEach(function (call) {
      if (call.id <= self.last) { return; }
      self.last = call.id;
      self.total += 1;
      self.list.prepend(self.row(call));
    });
    while (this.list.children.length > KEPT) { this.list.lastChild.remove(); }
    this.empty.hidden = this.list.children.length > 0;
    this.count.textContent = this.total ? String(this.total) : '';
    this.isFirst = false;
  };

  Strip.prototype.clear = function () {
    this.list.replaceChildren();
    this.total = 0;
    this.add([]);
  };

  Strip.prototype.row = function (call) {
    var self = this;
    var way = WAYS[call.direction] || WAYS.in;
    var row = element('li', 'call ' + way[1] + (call.is_ok ? '' : ' bad') + (this.isFirst ? '' : ' fresh'));
    var button = element('button', 'call-button');
    button.type = 'button';
    var head = element('span', 'call-head');
    head.append(element('i', 'call-way'), element('b', '', call.name), element('time', '', time(call.at)));
    var foot = element('span', 'call-foot');
    foot.append(element('code', '', call.method === 'JS' ? way[0] : call.method + ' ' + call.path),
      element('span', 'call-result', call.result));
    button.append(head, foot);
    button.addEventListener('click', function () { self.show(call.id, way[0]); });
    row.append(button);
    return row;
  };

  function pretty(text) {
    try { return JSON.stringify(JSON.parse(text), null, 2); } catch (error) { return text; }
  }

  function block(title, text) {
    var parts = [element('h3', '', title)];
    var pieces = String(text || '').split('\n\n');
    parts.push(element('pre', '', pieces.map(pretty).join('\n\n') || '（空）'));
    return parts;
  }

  Strip.prototype.show = function (id, way) {
    var dialog = this.dialog;
    fetch('/phone/calls/' + id).then(function (answer) { return answer.json(); }).then(function (call) {
      var head = element('header');
      var close = element('button', 'quiet', '关闭');
      close.type = 'button';
      close.addEventListener('click', function () { dialog.close(); });
      head.append(element('h2', '', call.name), close);
      var facts = element('p', 'grey', way + ' · ' + time(call.at) + ' · ' + call.duration_ms + ' 毫秒 · ' + call.result);
      dialog.replaceChildren.apply(dialog, [head, facts].concat(
        block('请求', call.method === 'JS' ? call.request : call.method + ' ' + call.request),
        block('回答', call.response)));
      dialog.showModal();
    });
  };

  Sandbox.Strip = Strip;
}());
