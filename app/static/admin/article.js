/* The text of a training article; without this script it is a plain field of HTML. */
(function () {
  "use strict";

  const source = document.querySelector("[data-rich]");
  const place = document.querySelector("[data-rich-editor]");
  if (!window.Quill || !source || !place) return;

  function pick() {
    return new Promise((resolve) => {
      const input = document.createElement("input");
      input.type = "file";
      input.accept = "image/jpeg,image/png,image/webp";
      input.addEventListener("change", () => resolve(input.files[0]));
      input.click();
    });
  }

  async function insertPicture() {
    const body = new FormData();
    body.append("file", await pick());
    const answer = await fetch(source.dataset.upload, { method: "POST", body: body, headers: { Accept: "application/json" } }).catch(() => null);
    const kept = answer ? await answer.json().catch(() => ({})) : {};
    if (!answer || !answer.ok) {
      if (window.mallAdmin) window.mallAdmin.toast(kept.message || "图片没有上传成功，请重试", "error");
      return;
    }
    const at = editor.getSelection(true).index;
    editor.insertEmbed(at, "image", kept.url, "user");
    editor.formatText(at, 1, { width: String(kept.width), height: String(kept.height) }, "user");
    editor.setSelection(at + 1, 0, "user");
  }

  const box = document.createElement("div");
  place.append(box);
  const editor = new window.Quill(box, {
    theme: "snow",
    placeholder: "怎样分享、佣金怎么算、什么不能做……",
    formats: ["header", "bold", "italic", "underline", "strike", "list", "blockquote", "link", "image"],
    modules: {
      toolbar: {
        container: [[{ header: [2, 3, false] }], ["bold", "italic", "underline", "strike"], [{ list: "ordered" }, { list: "bullet" }], ["blockquote", "link", "image"], ["clean"]],
        handlers: { image: insertPicture },
      },
    },
  });
  editor.setContents(editor.clipboard.convert({ html: source.value }), "silent");
  source.hidden = true;
  place.hidden = false;
  editor.on("text-change", (_delta, _old, by) => {
    // Quill writes every space as one that never breaks a line.
    source.value = editor.getSemanticHTML().replace(/&nbsp;/g, " ");
    if (by === "user") source.dispatchEvent(new Event("input", { bubbles: true }));
  });
}());
