/* The product editor: pictures, the matrix of SKUs, the text. Also picks the one
   picture of a category and adds rows of a freight template. */
(function () {
  "use strict";

  const all = (where, what) => Array.from(where.querySelectorAll(what));
  const say = (message) => window.mallAdmin && window.mallAdmin.toast(message, "error");
  const changed = (node) => node.dispatchEvent(new Event("input", { bubbles: true }));

  /* ---- uploading -------------------------------------------------------------- */

  // Not fetch: it does not say how far an upload has come.
  function upload(address, file, progress) {
    return new Promise((resolve, reject) => {
      const body = new FormData();
      body.append("file", file);
      const request = new XMLHttpRequest();
      request.open("POST", address);
      request.setRequestHeader("Accept", "application/json");
      request.responseType = "json";
      request.upload.addEventListener("progress", (event) => {
        if (progress && event.lengthComputable) progress(event.loaded / event.total);
      });
      request.addEventListener("load", () => {
        const found = request.response || {};
        if (request.status >= 200 && request.status < 300 && found.path) resolve(found);
        else reject(new Error(found.message || "图片没有上传成功，请重试"));
      });
      request.addEventListener("error", () => reject(new Error("网络不通，请检查后重试")));
      request.send(body);
    });
  }

  function pick() {
    return new Promise((resolve) => {
      const input = document.createElement("input");
      input.type = "file";
      input.accept = "image/jpeg,image/png,image/webp";
      input.addEventListener("change", () => resolve(input.files[0]));
      input.click();
    });
  }

  async function pickInto(button, field, address) {
    const file = await pick();
    if (!file) return;
    try {
      const kept = await upload(address, file);
      field.value = kept.path;
      const picture = new Image(36, 36);
      picture.alt = "";
      picture.src = kept.small;
      button.replaceChildren(picture);
      changed(field);
    } catch (error) {
      say(error.message);
    }
  }

  const one = document.querySelector("[data-pick-one]");
  if (one) {
    const form = one.closest("form");
    one.addEventListener("click", () => pickInto(one, form.querySelector("[data-one-picture]"), form.dataset.upload));
  }

  /* ---- freight regions ---------------------------------------------------------- */

  const regions = document.querySelector("[data-regions]");
  if (regions) {
    document.addEventListener("click", (event) => {
      if (event.target.closest("[data-region-add]")) {
        regions.append(document.querySelector("[data-region-template]").content.cloneNode(true));
        regions.lastElementChild.querySelector("[name=places]").focus();
      }
      const drop = event.target.closest("[data-region-drop]");
      if (drop) {
        drop.closest("[data-region]").remove();
        changed(regions);
      }
    });
  }

  const form = document.querySelector("[data-product-form]");
  if (!form) return;
  const address = form.dataset.upload;

  /* ---- pictures ----------------------------------------------------------------- */

  const tiles = form.querySelector("[data-tiles]");
  const adder = tiles.querySelector(".tile-add");
  const PICTURES_MAX = 9;

  async function addPictures(files) {
    for (const file of files) {
      if (all(tiles, "[data-tile]").length >= PICTURES_MAX) {
        say("最多 " + PICTURES_MAX + " 张图片");
        break;
      }
      const waiting = document.createElement("li");
      waiting.className = "tile tile-waiting";
      const bar = document.createElement("progress");
      bar.max = 1;
      bar.value = 0;
      bar.setAttribute("aria-label", "正在上传 " + file.name);
      waiting.append(bar);
      adder.before(waiting);
      try {
        const kept = await upload(address, file, (part) => (bar.value = part));
        const tile = form.querySelector("[data-tile-template]").content.cloneNode(true);
        tile.querySelector("input").value = kept.path;
        tile.querySelector("img").src = kept.small;
        waiting.before(tile);
        changed(tiles);
      } catch (error) {
        say("“" + file.name + "”：" + error.message);
      }
      waiting.remove();
    }
  }

  tiles.querySelector("[data-add-pictures]").addEventListener("change", (event) => {
    addPictures(Array.from(event.target.files));
    event.target.value = "";
  });
  tiles.addEventListener("click", (event) => {
    const tile = event.target.closest("[data-tile]");
    if (!tile) return;
    const before = tile.previousElementSibling;
    const after = tile.nextElementSibling;
    if (event.target.closest("[data-tile-left]") && before) before.before(tile);
    if (event.target.closest("[data-tile-right]") && after !== adder) after.after(tile);
    if (event.target.closest("[data-tile-drop]")) tile.remove();
    changed(tiles);
  });

  tiles.addEventListener("keydown", (event) => {
    if (!event.target.matches("[data-tile]")) return;
    const tile = event.target;
    const before = tile.previousElementSibling;
    const after = tile.nextElementSibling;
    if (event.key === "ArrowLeft" && before) before.before(tile);
    else if (event.key === "ArrowRight" && after.matches("[data-tile]")) after.after(tile);
    else if (event.key === "Delete") (after.matches("[data-tile]") ? after : before || after).focus();
    else return;
    event.preventDefault();
    if (event.key === "Delete") tile.remove();
    else tile.focus();
    changed(tiles);
  });

  let held = null;
  tiles.addEventListener("dragstart", (event) => {
    held = event.target.closest("[data-tile]");
    if (held) held.classList.add("is-held");
  });
  tiles.addEventListener("dragend", () => {
    if (held) held.classList.remove("is-held");
    held = null;
    tiles.classList.remove("is-over");
  });
  tiles.addEventListener("dragover", (event) => {
    event.preventDefault();
    const over = event.target.closest("[data-tile]");
    if (!held) tiles.classList.add("is-over");
    else if (over && over !== held) {
      const place = over.getBoundingClientRect();
      if (event.clientX < place.left + place.width / 2) over.before(held);
      else over.after(held);
    }
  });
  tiles.addEventListener("dragleave", () => tiles.classList.remove("is-over"));
  tiles.addEventListener("drop", (event) => {
    event.preventDefault();
    tiles.classList.remove("is-over");
    if (held) changed(tiles);
    else addPictures(Array.from(event.dataTransfer.files));
  });

  /* ---- specifications and the matrix ----------------------------------------------- */

  const specs = form.querySelector("[data-specs]");
  const matrix = form.querySelector("[data-matrix]");
  const restore = form.querySelector("[data-restore]");
  const keyOf = (row) => row.querySelector("[name=sku_values]").value;
  const rowsNow = () => all(matrix, "[data-sku-row]");
  const notSold = new Set();

  function valuesOf(text) {
    const parts = text.split(/[,，、;；\n]+/).map((part) => part.trim());
    return Array.from(new Set(parts.filter(Boolean)));
  }

  function combinations() {
    let found = [[]];
    all(specs, "[data-spec]").forEach((spec) => {
      const values = valuesOf(spec.querySelector("[name=spec_values]").value);
      if (!values.length) return;
      found = found.flatMap((begun) => values.map((value) => begun.concat(value)));
    });
    return found.slice(0, 240).map((values) => JSON.stringify(values));
  }

  function label(row) {
    const values = JSON.parse(keyOf(row) || "[]");
    row.querySelector("[data-sku-name]").textContent = values.join(" / ") || "默认";
    row.querySelector("[data-sku-drop]").hidden = values.length === 0;
  }

  // A row keeps what was typed as long as its values stay, and its place when one was renamed.
  function arrange() {
    const wanted = combinations().filter((key) => !notSold.has(key));
    const before = rowsNow();
    const known = new Map(before.map((row) => [JSON.stringify(JSON.parse(keyOf(row) || "[]")), row]));
    const renamed = before.length === wanted.length;
    const rows = wanted.map((key, index) => {
      if (known.has(key)) return known.get(key);
      const place = before[index];
      const there = place && JSON.stringify(JSON.parse(keyOf(place) || "[]"));
      const row =
        renamed && place && !wanted.includes(there)
          ? place
          : form.querySelector("[data-row-template]").content.cloneNode(true).querySelector("tr");
      row.querySelector("[name=sku_values]").value = key;
      return row;
    });
    before.forEach((row) => row.remove());
    matrix.append(...rows);
    rows.forEach(label);
    matrix.querySelector("[data-fill]").hidden = rows.length < 2;
    restore.hidden = notSold.size === 0;
  }

  const start = combinations();
  const offered = new Set(rowsNow().map((row) => JSON.stringify(JSON.parse(keyOf(row) || "[]"))));
  if (start.length > 1) start.filter((key) => !offered.has(key)).forEach((key) => notSold.add(key));
  arrange();

  specs.addEventListener("change", arrange);
  form.addEventListener("click", (event) => {
    const target = event.target;
    if (target.closest("[data-spec-add]")) {
      if (all(specs, "[data-spec]").length >= 3) return say("最多 3 项规格");
      const made = form.querySelector("[data-spec-template]").content.cloneNode(true);
      target.closest("[data-spec-add]").before(made);
      all(specs, "[name=spec_name]").pop().focus();
    }
    if (target.closest("[data-spec-drop]")) {
      target.closest("[data-spec]").remove();
      notSold.clear();
      arrange();
      changed(specs);
    }
    if (target.closest("[data-sku-drop]")) {
      notSold.add(JSON.stringify(JSON.parse(keyOf(target.closest("[data-sku-row]")))));
      arrange();
      changed(matrix);
    }
    if (target.closest("[data-restore]")) {
      notSold.clear();
      arrange();
      changed(matrix);
    }
    if (target.closest("[data-fill-all]")) {
      all(matrix, "[data-fill-col]").forEach((source) => {
        if (!source.value) return;
        rowsNow().forEach((row) => {
          const field = row.querySelector('[data-col="' + source.dataset.fillCol + '"]');
          if (field) field.value = source.value;
        });
      });
      changed(matrix);
    }
    const picture = target.closest("[data-sku-picture]");
    if (picture) pickInto(picture, picture.closest("tr").querySelector("[name=sku_picture]"), address);
    return undefined;
  });
  form.addEventListener("keydown", (event) => {
    // Enter in a field of the matrix must not send the whole product.
    if (event.key === "Enter" && event.target.matches("input:not([type=hidden])")) {
      event.preventDefault();
      if (event.target.closest("[data-spec]")) arrange();
    }
  });

  /* ---- the text ---------------------------------------------------------------------- */

  const source = form.querySelector("[data-rich]");
  const place = form.querySelector("[data-rich-editor]");
  if (window.Quill && source && !source.closest("fieldset").disabled) {
    const box = document.createElement("div");
    place.append(box);
    const editor = new window.Quill(box, {
      theme: "snow",
      placeholder: "材质、产地、尺寸、使用方法……",
      formats: ["header", "bold", "italic", "underline", "strike", "list", "blockquote", "link", "image"],
      modules: {
        toolbar: {
          container: [[{ header: [2, 3, false] }], ["bold", "italic", "underline", "strike"], [{ list: "ordered" }, { list: "bullet" }], ["blockquote", "link", "image"], ["clean"]],
          handlers: {
            image: async function () {
              const file = await pick();
              if (!file) return;
              try {
                const kept = await upload(address, file);
                const at = editor.getSelection(true).index;
                editor.insertEmbed(at, "image", kept.url, "user");
                editor.formatText(at, 1, { width: String(kept.width), height: String(kept.height) }, "user");
                editor.setSelection(at + 1, 0, "user");
              } catch (error) {
                say(error.message);
              }
            },
          },
        },
      },
    });
    editor.setContents(editor.clipboard.convert({ html: source.value }), "silent");
    source.hidden = true;
    place.hidden = false;
    editor.on("text-change", (_delta, _old, by) => {
      // Quill writes every space as one that never breaks a line.
      source.value = editor.getSemanticHTML().replace(/&nbsp;/g, " ");
      if (by === "user") changed(source);
    });
  }
})();
