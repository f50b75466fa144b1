/* Composing the home page: dragging blocks and rows, pictures, the picker of products.
   Moving up and down works with the keyboard alone. */
(function () {
  "use strict";

  const all = (where, what) => Array.from(where.querySelectorAll(what));
  const say = (message) => window.mallAdmin && window.mallAdmin.toast(message, "error");
  const changed = (node) => node.dispatchEvent(new Event("input", { bubbles: true }));

  /* Rows of a list change places while one is held; `onDrop` hears of it once. */
  function draggable(list, what, onDrop) {
    let held = null;
    list.addEventListener("dragstart", (event) => {
      held = event.target.closest(what);
      if (!held) return;
      event.dataTransfer.effectAllowed = "move";
      held.classList.add("is-held");
    });
    list.addEventListener("dragover", (event) => {
      const over = event.target.closest(what);
      if (!held) return;
      event.preventDefault();
      if (!over || over === held) return;
      const box = over.getBoundingClientRect();
      over[event.clientY > box.top + box.height / 2 ? "after" : "before"](held);
    });
    list.addEventListener("drop", (event) => event.preventDefault());
    list.addEventListener("dragend", () => {
      if (!held) return;
      held.classList.remove("is-held");
      held = null;
      onDrop();
    });
  }

  /* ---- the list of blocks ---------------------------------------------------------- */

  const blocks = document.querySelector("[data-home-blocks]");
  if (blocks) {
    draggable(blocks, "[data-block]", async () => {
      const body = new URLSearchParams();
      all(blocks, "[data-block]").forEach((block) => body.append("ids", block.dataset.block));
      const answer = await fetch(blocks.dataset.homeBlocks, { method: "POST", body: body, headers: { Accept: "application/json" } }).catch(() => null);
      if (answer && answer.ok) {
        // The words up and down, the badge and the button belong to the new order.
        window.location.reload();
        return;
      }
      const said = answer ? await answer.json().catch(() => ({})) : {};
      say(said.message || "顺序没有保存，请刷新后重试");
    });
  }

  const form = document.querySelector("[data-home-form]");
  if (!form) return;
  const rows = form.querySelector("[data-rows]");
  const template = form.querySelector("[data-row-template]");

  /* ---- rows of a form --------------------------------------------------------------- */

  function addRow() {
    rows.append(template.content.cloneNode(true));
    return rows.lastElementChild;
  }

  if (rows) {
    draggable(rows, "[data-row]", () => changed(form));
    rows.addEventListener("click", (event) => {
      const row = event.target.closest("[data-row]");
      const button = event.target.closest("button");
      if (!row || !button) return;
      if (button.hasAttribute("data-row-up") && row.previousElementSibling) row.previousElementSibling.before(row);
      else if (button.hasAttribute("data-row-down") && row.nextElementSibling) row.nextElementSibling.after(row);
      else if (button.hasAttribute("data-row-drop")) row.remove();
      else return;
      if (row.isConnected) button.focus();
      changed(form);
    });
  }
  const adder = form.querySelector("[data-add-row]");
  if (adder) {
    adder.addEventListener("click", () => {
      if (rows.children.length >= Number(adder.dataset.addRow)) {
        say("最多 " + adder.dataset.addRow + " 条");
        return;
      }
      addRow().querySelector("input:not([type=hidden])").focus();
      changed(form);
    });
  }

  /* ---- pictures ----------------------------------------------------------------------- */

  async function upload(file) {
    const body = new FormData();
    body.append("file", file);
    const answer = await fetch(form.dataset.upload, { method: "POST", body: body, headers: { Accept: "application/json" } });
    const found = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(found.message || "图片没有上传成功，请重试");
    return found;
  }

  function show(row, kept) {
    row.querySelector("[data-path]").value = kept.path;
    row.querySelector("[data-size]").value = kept.width + "x" + kept.height;
    const picture = new Image(120, 80);
    picture.alt = "";
    picture.src = kept.small;
    row.querySelector("[data-replace]").replaceChildren(picture);
    changed(form);
  }

  const files = form.querySelector("[data-add-pictures]");
  if (files) {
    const text = form.querySelector("[data-add-text]");
    files.addEventListener("change", async () => {
      const most = Number(files.dataset.addPictures);
      for (const file of Array.from(files.files)) {
        if (rows.children.length >= most) {
          say("最多 " + most + " 张图片");
          break;
        }
        text.textContent = "上传中…";
        try {
          show(addRow(), await upload(file).catch((error) => { rows.lastElementChild.remove(); throw error; }));
        } catch (error) {
          say(error.message);
        }
      }
      text.textContent = "添加图片";
      files.value = "";
    });
    rows.addEventListener("click", (event) => {
      const button = event.target.closest("[data-replace]");
      if (!button) return;
      const input = document.createElement("input");
      input.type = "file";
      input.accept = files.accept;
      input.addEventListener("change", () => {
        upload(input.files[0]).then((kept) => show(button.closest("[data-row]"), kept), (error) => say(error.message));
      });
      input.click();
    });
  }

  /* ---- the picker of products ------------------------------------------------------------ */

  const opener = form.querySelector("[data-picker-open]");
  if (!opener) return;
  const dialog = document.getElementById("picker");
  const place = dialog.querySelector("[data-picker-body]");
  const search = dialog.querySelector("[data-picker-search]");
  const chosen = () => all(rows, "[data-product]").map((field) => field.value);
  const HAND_MAX = 20;

  function mark() {
    const ids = chosen();
    all(place, "[data-pick]").forEach((row) => {
      const is = ids.includes(row.dataset.pick);
      row.classList.toggle("is-chosen", is);
      row.setAttribute("aria-pressed", String(is));
      row.querySelector(".picker-word").textContent = is ? "已选，点此取消" : "选择";
    });
  }

  async function load(address, instead) {
    const answer = await fetch(address).catch(() => null);
    if (!answer || !answer.ok) {
      say("商品没有加载出来，请重试");
      return;
    }
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-picker-rows]");
    if (!found) {
      window.location.reload();
      return;
    }
    if (instead) instead.replaceWith(...found.children);
    else place.replaceChildren(found);
    mark();
  }

  opener.addEventListener("click", () => {
    new window.tabler.Modal(dialog).show();
    if (!place.children.length) load(opener.dataset.pickerOpen);
  });
  search.addEventListener("submit", (event) => {
    event.preventDefault();
    load(opener.dataset.pickerOpen + "?q=" + encodeURIComponent(search.querySelector("input").value));
  });
  place.addEventListener("click", (event) => {
    const more = event.target.closest("[data-picker-more]");
    if (more) {
      load(more.dataset.pickerMore, more);
      return;
    }
    const pick = event.target.closest("[data-pick]");
    if (!pick) return;
    const known = all(rows, "[data-product]").find((field) => field.value === pick.dataset.pick);
    if (known) {
      known.closest("[data-row]").remove();
    } else if (chosen().length >= HAND_MAX) {
      say("最多选 " + HAND_MAX + " 个商品");
    } else {
      const row = addRow();
      row.querySelector("[data-product]").value = pick.dataset.pick;
      row.querySelector("[data-product-title]").textContent = pick.dataset.title;
      const picture = row.querySelector("[data-product-picture]");
      picture.hidden = !pick.dataset.picture;
      if (pick.dataset.picture) picture.src = pick.dataset.picture;
    }
    mark();
    changed(form);
  });
})();
