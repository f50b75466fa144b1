/* The sandbox's own JS-SDK: the calls of jweixin-1.6.0.js that a mall needs.

   It talks by postMessage to the phone page that frames the mall, or, in a plain
   tab, to a hidden frame of the sandbox that opens over the page when it has a
   sheet to show. It writes no style attributes and no inline code, so that a strict
   content security policy holds: script-src and frame-src with this origin suffice. */
(function () {
  'use strict';
  if (window.wx && window.wx.sandbox) { return; }

  var script = document.currentScript || document.querySelector('script[src*="jweixin"]');
  var ORIGIN = new URL(script.src, location.href).origin;
  var landing = location.href.split('#')[0];
  var waiting = {};
  var serial = 0;
  var host = null;
  var frame = null;

  function pageUrl() { return location.href.split('#')[0]; }

  function paint(shown) {
    var style = frame.style;
    style.setProperty('position', 'fixed');
    style.setProperty('inset', '0');
    style.setProperty('width', '100%');
    style.setProperty('height', '100%');
    style.setProperty('border', '0');
    style.setProperty('z-index', '2147483647');
    style.setProperty('color-scheme', 'light');
    style.setProperty('display', shown ? 'block' : 'none');
  }

  function openBridge() {
    return new Promise(function (resolve) {
      frame = document.createElement('iframe');
      frame.title = '微信沙箱';
      frame.src = ORIGIN + '/bridge';
      paint(false);
      waiting.bridge = function () { resolve(frame.contentWindow); };
      (document.body || document.documentElement).appendChild(frame);
    });
  }

  function findHost() {
    if (host) { return host; }
    host = new Promise(function (resolve) {
      if (window.parent === window) { resolve(openBridge()); return; }
      // Framed: by the phone, which answers at once, or by somebody else.
      var timer = setTimeout(function () { resolve(openBridge()); }, 600);
      waiting.hello = function () { clearTimeout(timer); resolve(window.parent); };
      window.parent.postMessage({ sandbox: 'hello', url: pageUrl(), title: document.title }, ORIGIN);
    });
    return host;
  }

  window.addEventListener('message', function (event) {
    var data = event.data;
    if (event.origin !== ORIGIN || !data || typeof data !== 'object') { return; }
    if (data.sandbox === 'hello' && waiting.hello) { waiting.hello(); return; }
    if (data.sandbox === 'bridge' && waiting.bridge) { waiting.bridge(); return; }
    if (data.sandbox === 'show' && frame) { paint(Boolean(data.shown)); return; }
    if (data.sandbox === 'back') { history.back(); return; }
    if (data.sandbox === 'answer' && waiting[data.id]) {
      var resolve = waiting[data.id];
      delete waiting[data.id];
      resolve(data.result || {});
    }
  });

  function ask(method, params) {
    return findHost().then(function (target) {
      return new Promise(function (resolve) {
        var id = 'm' + (++serial);
        waiting[id] = resolve;
        target.postMessage({
          sandbox: 'ask', id: id, method: method, params: params || {}, url: pageUrl(),
          landing: landing, title: document.title
        }, ORIGIN);
      });
    });
  }

  /* WeixinJSBridge */

  var INVOKES = {
    getBrandWCPayRequest: ['pay', 'get_brand_wcpay_request'],
    requestMerchantTransfer: ['transfer', 'requestMerchantTransfer'],
    closeWindow: ['close', 'close_window'],
    hideOptionMenu: ['hide', 'hideOptionMenu'],
    imagePreview: ['preview', 'imagePreview']
  };

  var bridge = {
    invoke: function (name, params, done) {
      var entry = INVOKES[name];
      if (!entry) {
        setTimeout(function () { if (done) { done({ err_msg: name + ':fail_no permission' }); } }, 0);
        return;
      }
      ask(entry[0], params).then(function (result) {
        var answer = { err_msg: entry[1] + ':' + (result.outcome || 'ok') };
        if (result.message) { answer.err_desc = result.message; }
        if (done) { done(answer); }
      });
    },
    call: function (name) { bridge.invoke(name, {}); },
    on: function () {}
  };
  window.WeixinJSBridge = bridge;
  function announce() { document.dispatchEvent(new Event('WeixinJSBridgeReady')); }
  if (document.readyState === 'complete') { setTimeout(announce, 0); }
  else { window.addEventListener('load', function () { setTimeout(announce, 0); }); }

  /* wx */

  var settings = {};
  var state = 'none';
  var readies = [];
  var errors = [];
  var lastError = null;

  function settle(options, name, outcome, more) {
    var answer = Object.assign({ errMsg: name + ':' + outcome }, more || {});
    var handler = /^ok/.test(outcome) ? 'success' : (/^cancel/.test(outcome) ? 'cancel' : 'fail');
    if (typeof options[handler] === 'function') { options[handler](answer); }
    if (typeof options.complete === 'function') { options.complete(answer); }
  }

  function api(name, method, prepare, finish) {
    return function (options) {
      options = options || {};
      if (state !== 'ok' || (settings.jsApiList || []).indexOf(name) < 0) {
        // As the real client does: an undeclared call has no permission.
        setTimeout(function () { settle(options, name, 'permission denied'); }, 0);
        return;
      }
      ask(method, prepare ? prepare(options) : {}).then(function (result) {
        var outcome = result.outcome || 'ok';
        if (outcome === 'fail' && result.message) { outcome = 'fail:' + result.message; }
        settle(options, name, outcome, finish ? finish(result) : {});
      });
    };
  }

  function shareParams(options) {
    return {
      title: String(options.title || ''), desc: String(options.desc || ''),
      link: String(options.link || ''), imgUrl: String(options.imgUrl || '')
    };
  }

  var KNOWN = ['checkJsApi', 'chooseWXPay', 'requestMerchantTransfer', 'updateAppMessageShareData',
    'updateTimelineShareData', 'onMenuShareAppMessage', 'onMenuShareTimeline', 'hideMenuItems',
    'showMenuItems', 'hideOptionMenu', 'showOptionMenu', 'closeWindow', 'previewImage', 'scanQRCode'];

  window.wx = window.jWeixin = {
    sandbox: true,
    config: function (options) {
      settings = options || {};
      state = 'asking';
      ask('config', {
        appId: settings.appId, timestamp: String(settings.timestamp), nonceStr: settings.nonceStr,
        signature: settings.signature
      }).then(function (result) {
        if (result.ok) {
          state = 'ok';
          readies.splice(0).forEach(function (run) { run(); });
          return;
        }
        state = 'failed';
        lastError = { errMsg: result.errMsg };
        if (settings.debug) { console.warn(result.errMsg); }
        errors.forEach(function (run) { run(lastError); });
      });
    },
    ready: function (run) {
      if (state === 'ok' || state === 'failed') { setTimeout(run, 0); } else { readies.push(run); }
    },
    error: function (run) {
      errors.push(run);
      if (state === 'failed') { setTimeout(function () { run(lastError); }, 0); }
    },
    checkJsApi: function (options) {
      var found = {};
      (options.jsApiList || []).forEach(function (name) { found[name] = KNOWN.indexOf(name) >= 0; });
      setTimeout(function () { settle(options, 'checkJsApi', 'ok', { checkResult: found }); }, 0);
    },
    chooseWXPay: api('chooseWXPay', 'pay', function (options) {
      return {
        appId: settings.appId, timeStamp: String(options.timestamp), nonceStr: options.nonceStr,
        package: options.package, signType: options.signType, paySign: options.paySign
      };
    }),
    updateAppMessageShareData: api('updateAppMessageShareData', 'share', shareParams),
    updateTimelineShareData: api('updateTimelineShareData', 'share', shareParams),
    onMenuShareAppMessage: api('onMenuShareAppMessage', 'share', shareParams),
    onMenuShareTimeline: api('onMenuShareTimeline', 'share', shareParams),
    hideMenuItems: api('hideMenuItems', 'hide'),
    showMenuItems: api('showMenuItems', 'hide'),
    hideOptionMenu: api('hideOptionMenu', 'hide'),
    showOptionMenu: api('showOptionMenu', 'hide'),
    closeWindow: api('closeWindow', 'close'),
    previewImage: api('previewImage', 'preview', function (options) {
      return { current: String(options.current || ''), urls: (options.urls || []).map(String) };
    }),
    scanQRCode: api('scanQRCode', 'scan', function (options) {
      return { needResult: Number(options.needResult || 0) };
    }, function (result) { return { resultStr: result.text || '' }; })
  };

  // In the phone: say which page this is, for its title bar and its list of links.
  if (window.parent !== window) { findHost(); }
}());
