/* Stars, hearts, and pictures of reviews seen large. Everything works without it. */
(function () {
  'use strict';

  document.addEventListener('submit', function (event) {
    var form = event.target.closest('form[data-favourite]');
    if (!form) { return; }
    event.preventDefault();
    var button = form.querySelector('button');
    if (button.disabled) { return; }
    button.disabled = true;
    Mall.call(form.action, 'POST', new FormData(form)).then(function (answer) {
      var on = answer.is_favourite;
      button.classList.toggle('is-liked', on);
      button.setAttribute('aria-pressed', String(on));
      form.querySelector('[data-label]').textContent = on ? '已收藏' : '收藏';
      form.wanted.value = on ? '0' : '1';
      Mall.toast(on ? '已收藏' : '已取消收藏');
    }).catch(function (error) {
      if (error.code === 'login') { form.submit(); return; }
      Mall.toast(error.message);
    }).then(function () { button.disabled = false; });
  });

  // WeChat shows pictures in a viewer of its own: pinch, save, swipe.
  document.addEventListener('click', function (event) {
    var link = event.target.closest('[data-view]');
    if (!link || !window.WeixinJSBridge) { return; }
    event.preventDefault();
    var all = Array.prototype.map.call(link.parentNode.querySelectorAll('[data-view]'), function (each) {
      return each.href;
    });
    window.WeixinJSBridge.invoke('imagePreview', { current: link.href, urls: all });
  });
}());
