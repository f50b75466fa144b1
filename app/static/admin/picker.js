/* Fields that pick products: what is typed is searched at once, ticks stay while one searches on.
   Tab and space, or the arrow keys among radio buttons, do all of it. */
(function () {
  "use strict";

  const WAIT_MS = 250;

  document.querySelectorAll("[data-pick]").forEach((field) => {
    const q = field.querySelector("[data-pick-q]");
    const chosen = field.querySelector("[data-pick-chosen]");
    const found = field.querySelector("[data-pick-found]");
    const said = field.querySelector("[data-pick-said]");
    const most = Number(field.dataset.pickMost);
    let waiting = null;
    let asked = 0;

    const ticked = () => Array.from(field.querySelectorAll(".pick-row input:checked"));

    async function search() {
      const number = (asked += 1);
      const answer = await fetch(field.dataset.pick + "?q=" + encodeURIComponent(q.value.trim())).catch(() => null);
      // A slow answer to an earlier word is no answer to this one.
      if (number !== asked) return;
      const list = answer && answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-pick-answer]");
      if (!list) {
        said.textContent = "商品没有加载出来，请重试";
        return;
      }
      found.querySelectorAll("input:checked").forEach((input) => chosen.append(input.closest("li")));
      const known = new Set(Array.from(chosen.querySelectorAll("input")).map((input) => input.value));
      const rows = Array.from(list.children).filter((row) => !known.has(row.querySelector("input").value));
      rows.forEach((row) => {
        const input = row.querySelector("input");
        input.name = field.dataset.pickName;
        if (most === 1) input.type = "radio";
      });
      found.replaceChildren(...rows);
      said.textContent = rows.length ? "找到 " + rows.length + " 件，勾选后保存" : "没有找到可以添加的商品，换个词试试";
    }

    /* From here on Enter in another field saves the form instead of searching. */
    field.querySelector("[data-pick-find]").type = "button";
    field.querySelector("[data-pick-find]").addEventListener("click", search);
    q.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      clearTimeout(waiting);
      search();
    });
    q.addEventListener("input", (event) => {
      // What is typed here changes nothing that could be lost.
      event.stopPropagation();
      clearTimeout(waiting);
      if (!event.isComposing) waiting = setTimeout(search, WAIT_MS);
    });
    q.addEventListener("compositionend", () => {
      clearTimeout(waiting);
      waiting = setTimeout(search, WAIT_MS);
    });
    field.addEventListener("change", (event) => {
      if (most > 1 && event.target.checked && ticked().length > most) {
        event.target.checked = false;
        said.textContent = "最多选择 " + most + " 件商品";
      }
    });
  });
})();
