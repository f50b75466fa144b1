/* The keyboard on list pages: / searches, j and k walk along the rows, Enter opens one,
   x ticks it, n and p turn the page, ? shows all of this. Nothing here is the only way. */
(function () {
  "use strict";

  const KEYS = [
    ["/", "到搜索框"],
    ["j 或 ↓", "下一行"],
    ["k 或 ↑", "上一行"],
    ["Enter", "打开这一行"],
    ["x", "勾选这一行"],
    ["n", "下一页"],
    ["p", "上一页"],
    ["?", "显示快捷键"],
    ["Esc", "离开输入框，关闭提示"],
  ];

  const main = () => document.querySelector("main");
  const rows = () => Array.from(main().querySelectorAll("table.rows tbody tr"));
  const isTyping = (node) => node.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
  const here = () => rows().find((row) => row.classList.contains("is-at"));

  function go(step) {
    const all = rows();
    if (!all.length) return;
    const at = here();
    const next = at ? Math.min(Math.max(all.indexOf(at) + step, 0), all.length - 1) : 0;
    all.forEach((row, number) => row.classList.toggle("is-at", number === next));
    all[next].tabIndex = -1;
    all[next].focus({ preventScroll: true });
    all[next].scrollIntoView({ block: "nearest" });
  }

  function open(row) {
    // The first link of a row is what the list is about; the last words act on it.
    const link = row.querySelector("td a[href]");
    if (link) link.click();
  }

  function tick(row) {
    const box = row.querySelector("[data-tick]");
    if (box) box.click();
  }

  function turn(rel) {
    const link = main().querySelector('.pager a[rel="' + rel + '"]');
    if (link) link.click();
  }

  function search() {
    const field = main().querySelector('.filter-row input[type="search"]') || document.querySelector(".top-search input");
    if (!field) return;
    const fold = field.closest("details");
    if (fold) fold.open = true;
    field.focus();
    field.select();
  }

  function help() {
    let dialog = document.querySelector("[data-keys-dialog]");
    if (!dialog) {
      dialog = document.createElement("dialog");
      dialog.className = "keys";
      dialog.dataset.keysDialog = "";
      dialog.setAttribute("aria-label", "键盘快捷键");
      const title = document.createElement("h2");
      title.textContent = "键盘快捷键";
      const list = document.createElement("dl");
      KEYS.forEach(([key, what]) => {
        const name = document.createElement("dt");
        const kbd = document.createElement("kbd");
        kbd.textContent = key;
        name.append(kbd);
        const text = document.createElement("dd");
        text.textContent = what;
        list.append(name, text);
      });
      const close = document.createElement("button");
      close.className = "btn";
      close.type = "button";
      close.textContent = "知道了";
      close.addEventListener("click", () => dialog.close());
      dialog.append(title, list, close);
      document.body.append(dialog);
    }
    if (!dialog.open) dialog.showModal();
  }

  const ACTS = {
    "/": search,
    "?": help,
    j: () => go(1),
    ArrowDown: () => go(1),
    k: () => go(-1),
    ArrowUp: () => go(-1),
    n: () => turn("next"),
    p: () => turn("prev"),
    x: () => here() && tick(here()),
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = event.target instanceof Element ? event.target : document.body;
    // A scanner ends what it reads with Enter: on to the next parcel, not to the server.
    if (event.key === "Enter" && target.matches('[data-enter-next] input[name="code"]')) {
      event.preventDefault();
      const fields = Array.from(target.form.querySelectorAll('input[name="code"]'));
      const next = fields[fields.indexOf(target) + 1];
      if (next) next.focus();
      return;
    }
    if (!main() || document.querySelector("dialog[open], .modal.show, .dropdown-menu.show")) return;
    if (event.key === "Escape" && isTyping(target) && target.closest(".filter-row, .top-search")) target.blur();
    if (isTyping(target)) return;
    if (event.key === "Enter") {
      // On a link or a button Enter is theirs.
      if (target.matches("tr.is-at")) {
        event.preventDefault();
        open(target);
      }
      return;
    }
    const act = ACTS[event.key];
    // Arrows scroll a page until somebody has begun to walk along the rows.
    if (!act || (event.key.startsWith("Arrow") && !here())) return;
    event.preventDefault();
    act();
  });

  document.querySelectorAll("[data-keys-help]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", help);
  });
})();
