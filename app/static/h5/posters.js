/* The dots below the posters say which one is in sight. */
(function () {
  'use strict';

  var strip = document.querySelector('[data-posters]');
  var dots = document.querySelectorAll('.poster-dots i');
  if (!strip || !dots.length) { return; }
  strip.addEventListener('scroll', function () {
    var at = Math.round(strip.scrollLeft / strip.clientWidth);
    dots.forEach(function (dot, place) { dot.classList.toggle('is-on', place === at); });
  }, { passive: true });
}());
