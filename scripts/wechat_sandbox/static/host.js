/* The phone's side of the JS-SDK: answers what a mall page asks by postMessage. */
(function () {
  'use strict';
  var Sandbox = window.Sandbox;

  /* `more` supplies what only a real phone page can do: closing, scanning, titles. */
  function Host(mall, sheets, more) {
    this.mall = mall;
    this.sheets = sheets;
    this.more = more || {};
    this.listen();
  }

  Host.prototype.listen = function () {
    var self = this;
    window.addEventListener('message', function (event) {
      var data = event.data;
      // Only pages of the mall are served, whoever else manages to stand in a frame.
      // Null when the page went away between its asking and our hearing.
      var page = event.source;
      if (!page || event.origin !== self.mall || !data || typeof data !== 'object') { return; }
      if (typeof data.url !== 'string' || data.url.indexOf(self.mall + '/') !== 0) { return; }
      if (data.sandbox === 'hello') {
        page.postMessage({ sandbox: 'hello' }, self.mall);
        if (self.more.page) { self.more.page(data, page); }
        return;
      }
      if (data.sandbox !== 'ask' || typeof data.id !== 'string') { return; }
      self.answer(data).then(function (result) {
        page.postMessage({ sandbox: 'answer', id: data.id, result: result || {} }, self.mall);
      });
    });
  };

  Host.prototype.answer = function (data) {
    var act = this[data.method];
    var served = ['config', 'pay', 'transfer', 'share', 'close', 'hide', 'preview', 'scan'];
    if (served.indexOf(data.method) < 0) { return Promise.resolve({ outcome: 'fail' }); }
    return act.call(this, data.params || {}, data);
  };

  Host.prototype.config = function (params, data) {
    var ask = function (url) { return Sandbox.post('/_js/config', Object.assign({}, params, { url: url })); };
    return ask(data.url).then(function (result) {
      // A page that changed its address without loading may have signed the first one.
      return result.ok || data.landing === data.url ? result : ask(String(data.landing));
    });
  };

  Host.prototype.settle = function (kind, params, data, words) {
    var self = this;
    var body = { params: params, url: data.url };
    return Sandbox.post('/_js/' + kind + '/check', body).then(function (shown) {
      if (!shown.ok) {
        return self.sheets.note(shown.message || '系统繁忙').then(function () {
          return { outcome: 'fail', message: shown.message };
        });
      }
      return self.sheets[kind](shown).then(function (agreed) {
        if (!agreed) { return { outcome: 'cancel' }; }
        return Sandbox.post('/_js/' + kind + '/confirm', body).then(function (done) {
          if (!done.ok) {
            return self.sheets.note(done.message || '系统繁忙').then(function () {
              return { outcome: 'fail', message: done.message };
            });
          }
          return self.sheets.done(done.is_grant ? '已授权' : words, done.amount_fen).then(function () { return { outcome: 'ok' }; });
        });
      });
    });
  };

  Host.prototype.pay = function (params, data) { return this.settle('pay', params, data, '支付成功'); };
  Host.prototype.transfer = function (params, data) { return this.settle('transfer', params, data, '已确认收款'); };

  Host.prototype.share = function (params, data) {
    var self = this;
    return Sandbox.post('/_js/share', Object.assign({}, params, { url: data.url })).then(function (result) {
      if (result.ok && self.more.share) { self.more.share(params); }
      return { outcome: result.ok ? 'ok' : 'fail', message: result.errMsg };
    });
  };

  Host.prototype.close = function () {
    if (this.more.close) { this.more.close(); }
    return Promise.resolve({ outcome: 'ok' });
  };
  Host.prototype.hide = function () { return Promise.resolve({ outcome: 'ok' }); };

  Host.prototype.preview = function (params) {
    var address = params.current || (params.urls || [])[0] || '';
    if (address.indexOf(this.mall + '/') !== 0) { return Promise.resolve({ outcome: 'fail' }); }
    return this.sheets.picture(address).then(function () { return { outcome: 'ok' }; });
  };

  Host.prototype.scan = function (params) {
    if (!this.more.scan) { return Promise.resolve({ outcome: 'cancel' }); }
    return this.more.scan(params).then(function (text) {
      return text ? { outcome: 'ok', text: text } : { outcome: 'cancel' };
    });
  };

  Sandbox.Host = Host;
}());
