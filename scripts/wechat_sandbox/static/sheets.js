/* What slides up over a page: paying, confirming a transfer, notes, pictures. */
(function () {
  'use strict';

  function element(tag, className, text) {
    var node = document.createElement(tag);
    if (className) { node.className = className; }
    if (text !== undefined && text !== null) { node.textContent = text; }
    return node;
  }

  function yuan(fen) {
    var whole = String(Math.floor(fen / 100));
    var part = String(fen % 100).padStart(2, '0');
    return [whole.replace(/\B(?=(\d{3})+$)/g, ','), part];
  }

  function money(fen, className) {
    var parts = yuan(fen);
    var node = element('div', 'money ' + (className || ''));
    node.append(element('span', 'money-sign', '¥'), element('b', '', parts[0]), element('span', 'money-cents', '.' + parts[1]));
    return node;
  }

  function post(path, body) {
    return fetch(path, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body || {})
    }).then(function (answer) { return answer.ok ? answer.json() : {}; });
  }

  function Sheets(root, onShow) {
    this.root = root;
    this.onShow = onShow || function () {};
  }

  Sheets.prototype.open = function (node, className) {
    var self = this;
    this.shutAll();
    var shade = element('div', 'shade');
    node.classList.add('sheet', className);
    this.root.replaceChildren(shade, node);
    this.root.classList.add('open');
    this.onShow(true);
    // The next frame, so that the sheet slides instead of standing there.
    requestAnimationFrame(function () { self.root.classList.add('up'); });
    var focus = node.querySelector('button.primary');
    if (focus) { focus.focus({ preventScroll: true }); }
  };

  Sheets.prototype.shutAll = function () {
    this.root.classList.remove('open', 'up');
    this.root.replaceChildren();
    this.onShow(false);
  };

  /* A question with its two answers; resolves with true or false. */
  Sheets.prototype.ask = function (build, className) {
    var self = this;
    return new Promise(function (resolve) {
      function finish(value) { self.shutAll(); resolve(value); }
      self.open(build(finish), className);
    });
  };

  function closer(finish) {
    var button = element('button', 'sheet-close');
    button.type = 'button';
    button.setAttribute('aria-label', '取消');
    button.addEventListener('click', function () { finish(false); });
    return button;
  }

  function rows(pairs) {
    var list = element('dl', 'sheet-rows');
    pairs.forEach(function (pair) { list.append(element('dt', '', pair[0]), element('dd', '', pair[1])); });
    return list;
  }

  function action(text, finish, extra) {
    var button = element('button', 'button green primary ' + (extra || ''), text);
    button.type = 'button';
    button.addEventListener('click', function () {
      button.disabled = true;
      finish(true);
    });
    return button;
  }

  Sheets.prototype.pay = function (order) {
    return this.ask(function (finish) {
      var node = element('section');
      node.setAttribute('role', 'dialog');
      node.setAttribute('aria-label', '支付');
      var finger = element('button', 'finger');
      finger.type = 'button';
      finger.setAttribute('aria-label', '指纹支付');
      finger.append(element('i'), element('i'), element('i'), element('i'));
      finger.addEventListener('click', function () { finish(true); });
      node.append(closer(finish), element('p', 'sheet-shop', order.shop), money(order.amount_fen, 'big'),
        rows([['商品', order.description], ['付款方式', '零钱'], ['付款人', order.payer]]),
        finger, element('p', 'finger-hint', '轻触指纹，或'), action('确认支付', finish));
      return node;
    }, 'sheet-pay');
  };

  Sheets.prototype.transfer = function (bill) {
    if (bill.is_grant) { return this.grant(bill); }
    return this.ask(function (finish) {
      var node = element('section');
      node.setAttribute('role', 'dialog');
      node.setAttribute('aria-label', '收款确认');
      node.append(closer(finish), element('p', 'sheet-shop', bill.shop + ' 向你转账'), money(bill.amount_fen, 'big'),
        rows([['转账说明', bill.remark], ['收款人', bill.payee], ['收款方式', '零钱']]),
        action('确认收款', finish), element('p', 'finger-hint', '24 小时内未确认，款项退回商户'));
      return node;
    }, 'sheet-transfer');
  };

  Sheets.prototype.grant = function (facts) {
    return this.ask(function (finish) {
      var node = element('section');
      node.setAttribute('role', 'dialog');
      node.setAttribute('aria-label', '免确认收款授权');
      node.append(closer(finish), element('p', 'sheet-shop', '授权 ' + facts.shop + ' 转账免确认'),
        rows([['收款原因', facts.remark], ['开通账号', facts.account], ['收款人', facts.payee]]),
        action('同意授权', finish), element('p', 'finger-hint', '授权后，商家的转账直接存入零钱，可随时关闭'));
      return node;
    }, 'sheet-transfer');
  };

  /* After paying: what WeChat shows before the page has its word again. */
  Sheets.prototype.done = function (title, fen) {
    return this.ask(function (finish) {
      var node = element('section');
      node.append(element('div', 'done-mark', '✓'), element('p', 'done-title', title));
      if (fen !== undefined) { node.append(money(fen, 'big')); }
      node.append(action('完成', finish, 'narrow'));
      return node;
    }, 'sheet-done');
  };

  Sheets.prototype.note = function (text) {
    return this.ask(function (finish) {
      var node = element('section');
      node.setAttribute('role', 'alertdialog');
      var button = element('button', 'dialog-button primary', '知道了');
      button.type = 'button';
      button.addEventListener('click', function () { finish(true); });
      node.append(element('p', 'dialog-text', text), button);
      return node;
    }, 'dialog');
  };

  Sheets.prototype.picture = function (address) {
    return this.ask(function (finish) {
      var node = element('section');
      var image = element('img');
      image.src = address;
      image.alt = '图片预览';
      node.append(image);
      node.addEventListener('click', function () { finish(true); });
      return node;
    }, 'sheet-picture');
  };

  Sheets.prototype.choose = function (title, options) {
    return this.ask(function (finish) {
      var node = element('section');
      if (title) { node.append(element('p', 'choose-title', title)); }
      options.forEach(function (option) {
        var button = element('button', 'choose-option' + (option.danger ? ' danger' : ''), option.text);
        button.type = 'button';
        button.addEventListener('click', function () { finish(option.value); });
        node.append(button);
      });
      var cancel = element('button', 'choose-option cancel', '取消');
      cancel.type = 'button';
      cancel.addEventListener('click', function () { finish(null); });
      node.append(cancel);
      return node;
    }, 'sheet-choose');
  };

  window.Sandbox = { element: element, money: money, yuan: yuan, post: post, Sheets: Sheets };
}());
