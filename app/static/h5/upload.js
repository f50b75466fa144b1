/* Pictures for a form: made smaller on the phone, sent one by one, removable.
   `[data-uploads]` has the address (`data-url`) and how many fit (`data-most`). */
(function () {
  'use strict';

  var SIDE = 1600;

  /* A photo of ten megabytes becomes one of some hundred kilobytes; what the phone
     cannot read goes as it is, and the server says what is wrong with it. */
  function shrink(file) {
    if (!window.createImageBitmap) { return Promise.resolve(file); }
    return createImageBitmap(file, { imageOrientation: 'from-image' }).then(function (bitmap) {
      var scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
      var canvas = document.createElement('canvas');
      canvas.width = Math.max(1, Math.round(bitmap.width * scale));
      canvas.height = Math.max(1, Math.round(bitmap.height * scale));
      var pen = canvas.getContext('2d');
      pen.fillStyle = '#fff';
      pen.fillRect(0, 0, canvas.width, canvas.height);
      pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      return new Promise(function (resolve) {
        canvas.toBlob(function (made) { resolve(made || file); }, 'image/jpeg', 0.85);
      });
    }).catch(function () { return file; });
  }

  document.querySelectorAll('[data-uploads]').forEach(function (box) {
    var add = box.querySelector('[data-add]');
    var input = add.querySelector('input');
    var most = Number(box.dataset.most);

    function count() { return box.querySelectorAll('.upload:not(.upload-add)').length; }
    function settle() { add.hidden = count() >= most; }

    function place(file) {
      var spot = document.createElement('span');
      spot.className = 'upload is-busy';
      spot.setAttribute('role', 'status');
      spot.setAttribute('aria-label', '正在上传');
      box.insertBefore(spot, add);
      settle();
      return shrink(file).then(function (small) {
        var body = new FormData();
        body.append('file', small, 'picture.jpg');
        return Mall.call(box.dataset.url, 'POST', body);
      }).then(function (kept) {
        var picture = new Image(76, 76);
        picture.src = kept.small;
        picture.alt = '';
        var path = document.createElement('input');
        path.type = 'hidden';
        path.name = 'pictures';
        path.value = kept.path;
        var remove = document.createElement('button');
        remove.type = 'button';
        remove.setAttribute('data-remove', '');
        remove.setAttribute('aria-label', '移除这张图片');
        remove.textContent = '×';
        spot.classList.remove('is-busy');
        spot.removeAttribute('role');
        spot.append(picture, remove, path);
      }).catch(function (error) {
        spot.remove();
        settle();
        Mall.toast(error.message);
      });
    }

    input.addEventListener('change', function () {
      var chosen = Array.prototype.slice.call(input.files);
      var free = most - count();
      input.value = '';
      if (chosen.length > free) { Mall.toast('最多上传 ' + most + ' 张图片'); }
      // One after the other: phones have little memory for large pictures.
      chosen.slice(0, free).reduce(function (before, file) {
        return before.then(function () { return place(file); });
      }, Promise.resolve());
    });
    box.addEventListener('click', function (event) {
      var remove = event.target.closest('[data-remove]');
      if (remove) { remove.parentNode.remove(); settle(); }
    });
    var form = box.closest('form');
    form.addEventListener('submit', function (event) {
      if (!box.querySelector('.is-busy')) { return; }
      event.preventDefault();
      event.stopImmediatePropagation();
      Mall.toast('图片还在上传，请稍候');
    });
    settle();
  });
}());
