/* A person has no tax number. */
(function () {
  'use strict';

  var form = document.getElementById('invoice');
  if (!form) { return; }
  var title = form.elements.title;

  function show() {
    var isCompany = form.elements.title_kind.value === 'company';
    form.querySelector('[data-company]').hidden = !isCompany;
    if (isCompany && title.value === '个人') { title.value = ''; }
    if (!isCompany && !title.value) { title.value = '个人'; }
  }

  form.addEventListener('change', function (event) {
    if (event.target.name === 'title_kind') { show(); }
  });
  show();
}());
