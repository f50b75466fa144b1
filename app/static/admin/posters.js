/* Laying out a poster: the server draws what is typed, boxes upon it move and resize. */
(function () {
  "use strict";

  const form = document.querySelector("[data-poster-form]");
  if (!form) return;
  const sheet = form.querySelector("[data-sheet]");
  const picture = form.querySelector("[data-picture]");
  const wrong = form.querySelector("[data-wrong]");
  const list = form.querySelector("[data-parts]");
  const width = Number(sheet.dataset.width);
  const height = Number(sheet.dataset.height);
  const rows = () => Array.from(list.children);
  const field = (row, name) => row.querySelector("[data-" + name + "]");
  const number = (row, name) => Number(field(row, name).value) || 0;
  const say = (message) => window.mallAdmin && window.mallAdmin.toast(message, "error");
  let chosen = null;

  /* ---- the preview ------------------------------------------------------------------ */

  let timer = 0;
  let asked = 0;

  function changed() {
    form.dispatchEvent(new Event("input", { bubbles: true }));
  }

  async function draw() {
    const mine = ++asked;
    const answer = await fetch(form.dataset.preview, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } }).catch(() => null);
    const found = answer ? await answer.json().catch(() => null) : null;
    // A later question has overtaken this one.
    if (mine !== asked) return;
    if (!answer || !answer.ok || !found) {
      wrong.textContent = "预览没有更新，请稍后再试";
      return;
    }
    if (found.picture) picture.src = found.picture;
    wrong.textContent = Object.values(found.errors).join("；");
  }

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(draw, 250);
    place();
  });

  /* ---- boxes upon it ------------------------------------------------------------------ */

  function choose(row, opens) {
    chosen = row;
    rows().forEach((each) => each.classList.toggle("is-on", each === row));
    if (row && opens) {
      rows().forEach((each) => { each.firstElementChild.open = each === row; });
      row.scrollIntoView({ block: "nearest" });
    }
    place();
  }

  function place() {
    const scale = sheet.clientWidth / width;
    sheet.querySelectorAll(".poster-box").forEach((box) => { if (!box.row.isConnected) box.remove(); });
    rows().forEach((row) => {
      if (!row.box) row.box = makeBox(row);
      const said = row.querySelector("[data-said]");
      if (row.dataset.part === "text") said.textContent = field(row, "text").value;
      row.box.classList.toggle("is-on", row === chosen);
      row.box.style.left = number(row, "x") * scale + "px";
      row.box.style.top = number(row, "y") * scale + "px";
      row.box.style.width = number(row, "w") * scale + "px";
      row.box.style.height = number(row, "h") * scale + "px";
      // In the order of the list, as they are drawn.
      sheet.append(row.box);
    });
  }

  function put(row, name, value, least, most) {
    field(row, name).value = Math.round(Math.min(Math.max(value, least), Math.max(most, least)));
  }

  function makeBox(row) {
    const box = document.createElement("div");
    box.className = "poster-box";
    box.title = row.querySelector("strong").textContent;
    box.append(document.createElement("i"));
    box.row = row;
    box.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const resizes = event.target !== box;
      const scale = sheet.clientWidth / width;
      const from = { x: number(row, "x"), y: number(row, "y"), w: number(row, "w"), h: number(row, "h") };
      const square = row.dataset.part === "qr" || row.dataset.part === "avatar";
      choose(row, true);
      sheet.setPointerCapture(event.pointerId);
      function move(next) {
        const dx = (next.clientX - event.clientX) / scale;
        const dy = (next.clientY - event.clientY) / scale;
        if (resizes) {
          const side = Math.max(from.w + dx, from.h + dy);
          put(row, "w", square ? side : from.w + dx, 20, width - from.x);
          put(row, "h", square ? side : from.h + dy, 20, height - from.y);
        } else {
          put(row, "x", from.x + dx, 0, width - from.w);
          put(row, "y", from.y + dy, 0, height - from.h);
        }
        place();
      }
      function end() {
        sheet.removeEventListener("pointermove", move);
        sheet.removeEventListener("pointerup", end);
        sheet.removeEventListener("pointercancel", end);
        changed();
      }
      sheet.addEventListener("pointermove", move);
      sheet.addEventListener("pointerup", end);
      sheet.addEventListener("pointercancel", end);
    });
    return box;
  }

  /* ---- the list of parts ----------------------------------------------------------------- */

  form.querySelector("[data-add]").addEventListener("click", () => {
    const kind = form.querySelector("[data-add-kind]").value;
    const fresh = form.querySelector("[data-fresh='" + kind + "']").content.firstElementChild.cloneNode(true);
    list.append(fresh);
    choose(fresh, true);
    changed();
  });

  list.addEventListener("click", (event) => {
    const row = event.target.closest("[data-part]");
    if (!row) return;
    if (event.target.closest("[data-part-drop]")) {
      row.remove();
      choose(null);
      changed();
    } else if (event.target.closest("[data-part-up]")) {
      if (row.previousElementSibling) row.previousElementSibling.before(row);
      changed();
    } else if (event.target.closest("[data-part-down]")) {
      if (row.nextElementSibling) row.nextElementSibling.after(row);
      changed();
    } else {
      choose(row);
    }
  });

  /* ---- the background ---------------------------------------------------------------------- */

  const background = form.querySelector("[data-background]");
  const drop = form.querySelector("[data-background-drop]");
  const text = form.querySelector("[data-upload-text]");
  form.querySelector("[data-upload-file]").addEventListener("change", async (event) => {
    const body = new FormData();
    body.append("file", event.target.files[0]);
    text.textContent = "上传中…";
    const answer = await fetch(form.dataset.upload, { method: "POST", body: body, headers: { Accept: "application/json" } }).catch(() => null);
    const found = answer ? await answer.json().catch(() => ({})) : {};
    event.target.value = "";
    if (!answer || !answer.ok) {
      say(found.message || "图片没有上传成功，请重试");
    } else {
      background.value = found.path;
      drop.hidden = false;
      changed();
    }
    text.textContent = background.value ? "更换背景图" : "上传背景图";
  });
  drop.addEventListener("click", () => {
    background.value = "";
    drop.hidden = true;
    text.textContent = "上传背景图";
    changed();
  });

  window.addEventListener("resize", place);
  place();
  draw();
}());
