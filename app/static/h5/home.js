/* The home page: banners that turn by themselves until somebody touches them, notices
   that take turns, and a preview whose links do not lead away. */
(function () {
  'use strict';

  var EVERY_MS = 5000;
  var isCalm = window.matchMedia && window.matchMedia('(prefers-reduced-motion: reduce)').matches;

  document.querySelectorAll('[data-carousel]').forEach(function (box) {
    var strip = box.querySelector('[data-strip]');
    var dots = box.querySelectorAll('.carousel-dots i');
    if (dots.length < 2) { return; }
    var at = 0;
    strip.addEventListener('scroll', function () {
      var now = Math.round(strip.scrollLeft / strip.clientWidth);
      if (now === at || !dots[now]) { return; }
      dots[at].classList.remove('is-on');
      dots[now].classList.add('is-on');
      at = now;
    }, { passive: true });
    if (isCalm) { return; }
    var timer = setInterval(function () {
      if (document.hidden) { return; }
      var next = (at + 1) % dots.length;
      strip.scrollTo({ left: next * strip.clientWidth, behavior: next ? 'smooth' : 'auto' });
    }, EVERY_MS);
    // Whoever looks for themselves is left alone from then on.
    ['pointerdown', 'touchstart', 'wheel', 'keydown', 'focusin'].forEach(function (name) {
      box.addEventListener(name, function () { clearInterval(timer); }, { passive: true, once: true });
    });
  });

  document.querySelectorAll('[data-bulletin]').forEach(function (list) {
    // Those who asked for less motion see the lines below each other.
    if (isCalm) { list.classList.add('is-open'); return; }
    var at = 0;
    var timer = setInterval(function () {
      if (document.hidden) { return; }
      list.children[at].classList.remove('is-on');
      at = (at + 1) % list.children.length;
      list.children[at].classList.add('is-on');
    }, EVERY_MS);
    list.addEventListener('focusin', function () { clearInterval(timer); list.classList.add('is-open'); });
  });

  if (document.body.classList.contains('is-preview')) {
    document.addEventListener('click', function (event) {
      if (!event.target.closest('a')) { return; }
      event.preventDefault();
      event.stopPropagation();
      window.Mall.toast('预览中，链接不会跳转');
    }, true);
  }
}());
