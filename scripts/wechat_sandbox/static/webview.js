/* The page inside the phone: one frame, with a back button that is never lost. */
(function () {
  'use strict';
  var Sandbox = window.Sandbox;

  function Webview(parts, mall, acts) {
    var self = this;
    this.parts = parts;
    this.mall = mall;
    this.acts = acts;
    this.frame = null;
    this.page = null;
    this.depth = 0;
    this.share = null;
    // Our own entry below the frame's: going back too far lands here, not outside.
    history.replaceState({ sandbox: 'floor' }, '');
    history.pushState({ sandbox: 'phone' }, '');
    window.addEventListener('popstate', function (event) {
      if (event.state && event.state.sandbox === 'floor') {
        history.pushState({ sandbox: 'phone' }, '');
        self.acts.close();
      }
    });
  }

  Webview.prototype.open = function (url) {
    var self = this;
    var frame = document.createElement('iframe');
    frame.title = '商城网页';
    frame.allow = 'clipboard-write';
    this.depth = 0;
    this.isMovingBack = false;
    this.page = null;
    this.share = null;
    this.title('正在打开…');
    this.address = url;
    // A new frame has no history of its own, so that back closes it on its first page.
    frame.addEventListener('load', function () {
      if (self.isMovingBack) { self.isMovingBack = false; } else { self.depth += 1; }
      if (!self.page) { self.title('商城'); }
      self.parts.frame.classList.remove('loading');
    });
    frame.src = url;
    this.parts.frame.classList.add('loading');
    this.parts.frame.replaceChildren(frame);
    this.frame = frame;
  };

  Webview.prototype.title = function (text) { this.parts.title.textContent = text; };

  /* A page that has the JS-SDK told us what it is. */
  Webview.prototype.arrived = function (data, source) {
    if (!this.frame || source !== this.frame.contentWindow) { return; }
    this.page = data.url;
    this.address = data.url;
    this.title(String(data.title || '').slice(0, 40) || '商城');
    this.share = null;
    if (data.url.indexOf(this.mall + '/r/') === 0) { Sandbox.post('/phone/link', { url: data.url }); }
  };

  Webview.prototype.back = function () {
    if (!this.frame) { return; }
    if (this.depth > 1) {
      this.isMovingBack = true;
      this.depth -= 1;
      history.back();
    } else {
      this.acts.close();
    }
  };

  Webview.prototype.reload = function () {
    if (!this.frame) { return; }
    // The frame belongs to another origin: it is asked for again, not reloaded.
    this.open(this.address);
  };

  Webview.prototype.shut = function () {
    this.parts.frame.replaceChildren();
    this.frame = null;
  };

  Sandbox.Webview = Webview;
}());
