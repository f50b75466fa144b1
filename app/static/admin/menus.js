/* The menu form: adds, moves and removes rows, and keeps the drawn phone in step.
   Without it all rows are there and blank ones are left out by the server. */
(function () {
  "use strict";

  const form = document.querySelector("[data-menu-form]");
  if (!form) return;
  const all = (where, what) => [...where.querySelectorAll(what)];
  const columns = all(form, "[data-menu-column]");
  const ownOf = (column) => column.querySelector("[data-menu-own]");
  const subsOf = (column) => all(column, "[data-menu-sub]");
  const shown = (list) => list.filter((item) => !item.hidden);
  const parts = (row) => all(row, "[data-part]");

  // A row keeps its place and its field names; what moves is what was typed.
  const read = (row) => parts(row).map((part) => part.value);
  function write(row, values) {
    parts(row).forEach((part, index) => {
      part.value = values ? values[index] : part.tagName === "SELECT" ? part.options[0].value : "";
    });
  }
  const isBlank = (row) => parts(row).every((part) => part.tagName === "SELECT" || !part.value.trim());

  function readColumn(column) {
    return { own: read(ownOf(column)), subs: shown(subsOf(column)).map(read) };
  }
  function fill(rows, list) {
    rows.forEach((row, index) => {
      row.hidden = index >= list.length;
      write(row, list[index]);
    });
  }
  function writeColumn(column, values) {
    column.hidden = !values;
    write(ownOf(column), values && values.own);
    fill(subsOf(column), values ? values.subs : []);
  }

  function rearrange(rows, at, change) {
    const list = shown(rows).map(read);
    change(list, at);
    fill(rows, list);
  }
  const up = (list, at) => at > 0 && list.splice(at - 1, 2, list[at], list[at - 1]);
  const drop = (list, at) => list.splice(at, 1);

  function cell(className, text) {
    const node = document.createElement(className === "" ? "span" : "div");
    node.className = className;
    node.textContent = text || "　";
    return node;
  }

  function draw() {
    const bar = document.querySelector("[data-menu-preview]");
    bar.replaceChildren();
    shown(columns).forEach((column) => {
      const subs = shown(subsOf(column)).filter((row) => !isBlank(row));
      if (!subs.length && isBlank(ownOf(column))) return;
      const box = cell("menu-phone-column", "");
      box.textContent = "";
      if (subs.length) {
        const list = cell("menu-phone-sub", "");
        list.textContent = "";
        subs.forEach((row) => list.append(cell("", parts(row)[0].value)));
        box.append(list);
      }
      box.append(cell("menu-phone-button" + (subs.length ? " has-sub" : ""), parts(ownOf(column))[0].value));
      bar.append(box);
    });
  }

  function settle() {
    columns.forEach((column) => {
      const subs = subsOf(column);
      const count = shown(subs).length;
      column.querySelector("[data-menu-action]").hidden = count > 0;
      column.querySelector("[data-menu-hint]").hidden = true;
      column.querySelector("[data-menu-add-sub]").hidden = count === subs.length;
    });
    form.querySelector("[data-menu-add]").hidden = shown(columns).length === columns.length;
    draw();
  }

  function forgetErrors() {
    // They belong to what stood in that row before.
    all(form, ".menu-row > .field-error").forEach((node) => node.remove());
    all(form, ".menu-row .is-invalid").forEach((node) => node.classList.remove("is-invalid"));
  }

  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button || button.type !== "button") return;
    const column = button.closest("[data-menu-column]");
    const row = button.closest("[data-menu-sub]");
    const change = button.dataset.menuMove !== undefined ? up : button.dataset.menuDrop !== undefined ? drop : null;
    let focus = null;
    if (button.dataset.menuAdd !== undefined) {
      const next = columns.find((item) => item.hidden);
      next.hidden = false;
      focus = parts(ownOf(next))[0];
    } else if (button.dataset.menuAddSub !== undefined) {
      const next = subsOf(column).find((item) => item.hidden);
      next.hidden = false;
      focus = parts(next)[0];
    } else if (change && row) {
      rearrange(subsOf(column), subsOf(column).indexOf(row), change);
    } else if (change) {
      const list = shown(columns).map(readColumn);
      change(list, columns.indexOf(column));
      columns.forEach((item, index) => writeColumn(item, list[index]));
    }
    if (change) {
      forgetErrors();
      // The guard against leaving listens to what is typed.
      form.dispatchEvent(new Event("input", { bubbles: true }));
    }
    settle();
    if (focus) focus.focus();
  });
  form.addEventListener("input", draw);
  form.addEventListener("change", draw);

  // The server closes gaps: filled rows come first, so that adding appends.
  columns.forEach((column) => {
    subsOf(column).forEach((row) => (row.hidden = isBlank(row)));
    column.hidden = isBlank(ownOf(column)) && !shown(subsOf(column)).length;
  });
  columns[0].hidden = false;
  all(form, "[data-menu-tools]").forEach((tools) => (tools.hidden = false));
  // Rows keep their places: the first of each kind never has one before it.
  [columns[0], ...columns.map((column) => subsOf(column)[0])].forEach((first) => {
    first.querySelector("[data-menu-move]").hidden = true;
  });
  settle();
})();
