/* The region picker: province, city, county, one after the other. Without it the
   field is typed; the server knows the same names and has the last word. */
(function () {
  'use strict';

  var fields = document.querySelectorAll('[data-regions]');
  if (!fields.length) { return; }
  var regions = null;

  function load(url) {
    if (!regions) {
      regions = fetch(url).then(function (response) {
        if (!response.ok) { throw new Error(); }
        return response.json();
      });
      regions.catch(function () { regions = null; });
    }
    return regions;
  }

  function make(tag, style, text) {
    var made = document.createElement(tag);
    made.className = style;
    if (tag === 'button') { made.type = 'button'; }
    if (text) { made.textContent = text; }
    return made;
  }

  /* Opens the sheet over `provinces`; the chosen names go into `field`. */
  function open(field, provinces) {
    var sheet = make('div', 'sheet is-open');
    var shade = make('button', 'sheet-shade');
    var body = make('div', 'sheet-body region-sheet');
    var crumbs = make('div', 'region-crumbs');
    var list = make('ul', 'region-list');
    var path = [];

    sheet.setAttribute('role', 'dialog');
    sheet.setAttribute('aria-modal', 'true');
    sheet.setAttribute('aria-label', '选择所在地区');
    shade.setAttribute('aria-label', '关闭');
    body.appendChild(make('h2', '', '选择所在地区'));
    body.appendChild(crumbs);
    body.appendChild(list);
    sheet.appendChild(shade);
    sheet.appendChild(body);

    function close() { release(); sheet.remove(); field.focus(); }

    function choose(place) {
      path.push(place);
      if (place[2]) { show(); return; }
      field.value = path.map(function (part) { return part[1]; }).join(' ');
      field.dispatchEvent(new Event('change', { bubbles: true }));
      close();
    }

    function show() {
      var places = path.length ? path[path.length - 1][2] : provinces;
      crumbs.textContent = '';
      path.forEach(function (part, at) {
        var back = make('button', 'region-crumb', part[1]);
        back.addEventListener('click', function () { path = path.slice(0, at); show(); });
        crumbs.appendChild(back);
      });
      crumbs.appendChild(make('span', 'region-crumb is-open', ['请选择省份', '请选择城市', '请选择区县'][path.length]));
      list.textContent = '';
      places.forEach(function (place) {
        var row = make('li', '');
        var pick = make('button', 'region-place', place[1]);
        pick.addEventListener('click', function () { choose(place); });
        row.appendChild(pick);
        list.appendChild(row);
      });
      list.scrollTop = 0;
      // A province that is its own city: nothing to choose.
      if (path.length === 1 && places.length === 1) { choose(places[0]); }
    }

    shade.addEventListener('click', close);
    document.body.appendChild(sheet);
    var release = window.Mall.hold(sheet, close);
    show();
    list.querySelector('button').focus({ preventScroll: true });
  }

  fields.forEach(function (field) {
    field.readOnly = true;
    field.setAttribute('aria-haspopup', 'dialog');
    function start() {
      load(field.dataset.regions).then(function (provinces) { open(field, provinces); }, function () {
        field.readOnly = false;
        window.Mall.toast('地区没有加载出来，请直接填写');
      });
    }
    field.addEventListener('click', function () { if (field.readOnly) { start(); } });
    field.addEventListener('keydown', function (event) {
      if (field.readOnly && (event.key === 'Enter' || event.key === ' ')) { event.preventDefault(); start(); }
    });
  });
}());
