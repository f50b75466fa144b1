/* The back office's behaviour. Every page works without it, only less kindly:
   it adds the confirm dialog, toasts, unsaved-changes guard, batch bar and charts. */
(function () {
  "use strict";

  function make(tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  /* ---- toasts ------------------------------------------------------------- */

  const GOES_AFTER_MS = 5000;

  function armToast(toast) {
    toast.querySelector("[data-toast-close]").addEventListener("click", () => toast.remove());
    // What went wrong stays until it has been read.
    if (toast.classList.contains("notice-success")) {
      setTimeout(() => toast.remove(), GOES_AFTER_MS);
    }
  }

  function toast(message, kind) {
    const box = make("div", "notice notice-" + kind);
    box.setAttribute("role", kind === "error" ? "alert" : "status");
    box.append(make("span", "", message));
    const close = make("button", "notice-close", "×");
    close.type = "button";
    close.setAttribute("aria-label", "关闭");
    close.dataset.toastClose = "";
    box.append(close);
    document.getElementById("toasts").append(box);
    armToast(box);
  }

  document.querySelectorAll("[data-toast]").forEach(armToast);

  /* ---- confirm before what can't be undone ---------------------------------- */

  const agreed = new WeakSet();

  // The button's own question comes before its form's.
  function questionOf(form, button) {
    if (button && button.dataset.confirm) return button.dataset;
    return form.dataset.confirm ? form.dataset : null;
  }

  function ask(question, onYes) {
    if (!window.tabler || !window.tabler.Modal) {
      if (window.confirm(question.confirm)) onYes();
      return;
    }
    const danger = question.confirmDanger !== undefined;
    // Without a fade, in which the dialog would not hear a quick answer.
    const modal = make("div", "modal");
    modal.tabIndex = -1;
    modal.setAttribute("role", "alertdialog");
    modal.setAttribute("aria-labelledby", "confirm-title");
    modal.setAttribute("aria-describedby", "confirm-text");
    const dialog = make("div", "modal-dialog modal-sm modal-dialog-centered");
    const content = make("div", "modal-content");
    const body = make("div", "modal-body");
    const title = make("h3", "confirm-title", question.confirmTitle || "请确认");
    title.id = "confirm-title";
    const text = make("p", "confirm-text", question.confirm);
    text.id = "confirm-text";
    body.append(title, text);
    const foot = make("div", "modal-footer");
    const no = make("button", "btn", "取消");
    no.type = "button";
    no.dataset.bsDismiss = "modal";
    const yes = make("button", "btn " + (danger ? "btn-danger" : "btn-primary"), question.confirmButton || "确定");
    yes.type = "button";
    foot.append(no, yes);
    content.append(body, foot);
    dialog.append(content);
    modal.append(dialog);
    document.body.append(modal);
    const shown = new window.tabler.Modal(modal);
    let said = false;
    yes.addEventListener("click", () => {
      said = true;
      shown.hide();
    });
    // A hasty Enter must not approve: the focus starts on the way out.
    modal.addEventListener("shown.bs.modal", () => {
      (danger ? no : yes).focus();
    });
    modal.addEventListener("hidden.bs.modal", () => {
      modal.remove();
      if (said) onYes();
    });
    shown.show();
  }

  // Capturing, so that neither htmx nor the browser sends before the answer.
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      const question = questionOf(form, event.submitter);
      if (!question || agreed.has(form)) {
        agreed.delete(form);
        return;
      }
      event.preventDefault();
      event.stopImmediatePropagation();
      const button = event.submitter;
      ask(question, () => {
        agreed.add(form);
        form.requestSubmit(button);
      });
    },
    true
  );

  // One tap, one request: a second submit while the first is under way is dropped.
  const SENT_AGAIN_MS = 10000;
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    // An answer that is a download leaves this page standing.
    setTimeout(() => delete form.dataset.sent, SENT_AGAIN_MS);
    const button = event.submitter;
    if (button && button.classList.contains("btn")) {
      button.classList.add("btn-loading");
      setTimeout(() => button.classList.remove("btn-loading"), SENT_AGAIN_MS);
    }
  });

  // Back from another page: the browser may show this one as it was left.
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
    document.querySelectorAll(".btn-loading").forEach((button) => button.classList.remove("btn-loading"));
  });

  // What was refused in a dialog is shown in that dialog, with what was typed.
  if (window.tabler && window.tabler.Modal) {
    document.querySelectorAll(".modal[data-open]").forEach((modal) => new window.tabler.Modal(modal).show());
  }
  document.addEventListener("shown.bs.modal", (event) => {
    const field = event.target.querySelector("textarea, input:not([type=hidden])");
    if (field) field.focus();
  });

  /* ---- unsaved changes ------------------------------------------------------ */

  let unsaved = false;
  document.addEventListener("input", (event) => {
    if (event.target.closest("form[data-guard]")) unsaved = true;
  });
  document.addEventListener("submit", (event) => {
    if (!event.defaultPrevented) unsaved = false;
  });
  window.addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });

  /* ---- batch bar ------------------------------------------------------------ */

  function ticks() {
    return Array.from(document.querySelectorAll("[data-tick]"));
  }

  function showBatch() {
    const bar = document.querySelector("[data-batch]");
    if (!bar) return;
    const all = ticks();
    const chosen = all.filter((box) => box.checked);
    bar.hidden = chosen.length === 0;
    bar.querySelector("[data-batch-count]").textContent = String(chosen.length);
    all.forEach((box) => box.closest("tr").classList.toggle("is-ticked", box.checked));
    const head = document.querySelector("[data-tick-all]");
    if (head) {
      head.checked = chosen.length > 0 && chosen.length === all.length;
      head.indeterminate = chosen.length > 0 && chosen.length < all.length;
    }
  }

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-tick-all]")) {
      ticks().forEach((box) => (box.checked = event.target.checked));
    }
    if (event.target.matches("[data-tick], [data-tick-all]")) showBatch();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-batch-clear]")) {
      ticks().forEach((box) => (box.checked = false));
      showBatch();
    }
    if (event.target.closest("[data-side-toggle]")) {
      document.body.classList.toggle("side-open");
    } else if (!event.target.closest("#side")) {
      document.body.classList.remove("side-open");
    }
  });
  showBatch();

  /* ---- filters -------------------------------------------------------------- */

  // Folded on a phone, unless something is being filtered.
  function foldFilters() {
    if (!window.matchMedia("(max-width: 767px)").matches) return;
    document.querySelectorAll("[data-filters]").forEach((box) => {
      const set = Array.from(box.querySelectorAll("input:not([type=hidden]), select")).some((field) => field.value);
      box.open = set;
    });
  }
  foldFilters();

  // One tool of a list is open at a time; a click elsewhere or Escape closes it.
  document.addEventListener("click", (event) => {
    document.querySelectorAll("[data-tool][open]").forEach((tool) => {
      if (!tool.contains(event.target)) tool.open = false;
    });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll("[data-tool][open]").forEach((tool) => {
      tool.open = false;
      tool.querySelector("summary").focus();
    });
  });

  // A chosen value filters at once; text waits for Enter.
  document.addEventListener("change", (event) => {
    const form = event.target.closest(".filter-row");
    if (form && event.target.matches("select, input[type=date]")) form.requestSubmit();
  });

  // Empty fields would only make the address long.
  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector('meta[name="csrf-token"]');
    if (token && event.detail.verb !== "get") event.detail.headers["X-CSRF-Token"] = token.content;
    if (event.detail.elt.matches(".filter-row")) {
      for (const [name, value] of Array.from(event.detail.formData.entries())) {
        if (value === "") event.detail.formData.delete(name);
      }
    }
  });

  /* ---- partial reloads ------------------------------------------------------ */

  document.addEventListener("htmx:beforeSwap", (event) => {
    const target = event.detail.target;
    const answer = event.detail.xhr;
    if (answer.status >= 200 && answer.status < 300 && target && target.id) {
      // A login page, for one, has no such part: show it as a page.
      if (!answer.responseText.includes('id="' + target.id + '"')) {
        event.detail.shouldSwap = false;
        window.location.assign(answer.responseURL || window.location.href);
      }
    }
  });
  document.addEventListener("htmx:afterSettle", () => {
    showBatch();
    foldFilters();
  });
  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    if (status === 401 || status === 403) toast("登录已过期或没有权限，请刷新页面。", "error");
    else if (status === 429) toast("操作太频繁，请稍后再试。", "error");
    else toast("服务器没有完成这次请求（" + status + "），请稍后再试。", "error");
  });
  document.addEventListener("htmx:sendError", () => toast("网络不通，请检查后重试。", "error"));
  document.addEventListener("htmx:timeout", () => toast("等待太久没有回应，请重试。", "error"));

  /* ---- copying -------------------------------------------------------------- */

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    // Browsers lend the clipboard to https pages only.
    const copied = navigator.clipboard ? navigator.clipboard.writeText(button.dataset.copy) : Promise.reject();
    copied.then(
      () => toast("已复制"),
      () => toast("浏览器不允许复制，请手动选中。", "error")
    );
  });

  /* ---- charts --------------------------------------------------------------- */

  // 万 from 10,000 on, as people here read figures.
  function short(value) {
    const size = Math.abs(value);
    if (size >= 1e8) return trim(value / 1e8) + "亿";
    if (size >= 1e4) return trim(value / 1e4) + "万";
    return trim(value);
  }
  function trim(value) {
    return String(Math.round(value * 100) / 100);
  }
  function full(value, unit) {
    const options = unit === "yuan" ? { minimumFractionDigits: 2, maximumFractionDigits: 2 } : {};
    return (unit === "yuan" ? "¥" : "") + value.toLocaleString("zh-CN", options);
  }

  function draw(node) {
    const data = JSON.parse(node.dataset.chart);
    const style = getComputedStyle(node);
    const colours = ["--chart-1", "--chart-2", "--chart-3", "--chart-4", "--chart-5"].map((name) =>
      style.getPropertyValue(name).trim()
    );
    const grey = style.getPropertyValue("--chart-text").trim();
    const line = style.getPropertyValue("--chart-line").trim();
    const scale = data.unit === "yuan" ? 100 : 1;
    const chart = window.echarts.init(node);
    const look = { data: data, scale: scale, grey: grey, line: line, colours: colours };
    chart.setOption(
      Object.assign(
        {
          color: colours,
          animation: false,
          textStyle: { fontFamily: style.fontFamily },
        },
        (shapes[data.kind] || axes)(look)
      )
    );
    new ResizeObserver(() => chart.resize()).observe(node);
  }

  // Over time: lines or bars, each day beside the next.
  function axes(look) {
    const data = look.data;
    const many = data.series.length > 1;
    return {
      grid: { left: 4, right: 12, top: many ? 36 : 16, bottom: 0, containLabel: true },
      legend: { show: many, top: 0, left: 0, icon: "roundRect", itemWidth: 10, itemHeight: 10, textStyle: { color: look.grey } },
      tooltip: { trigger: "axis", renderMode: "richText", confine: true, valueFormatter: (value) => full(value, data.unit) },
      xAxis: { type: "category", data: data.x, boundaryGap: data.kind === "bar", axisTick: { show: false }, axisLine: { lineStyle: { color: look.line } }, axisLabel: { color: look.grey } },
      yAxis: { type: "value", minInterval: data.unit === "yuan" ? 0 : 1, splitNumber: 4, axisLabel: { color: look.grey, formatter: short }, splitLine: { lineStyle: { color: look.line } } },
      series: data.series.map((series) => ({
        name: series.name,
        type: data.kind,
        data: series.values.map((value) => (value === null ? null : value / look.scale)),
        showSymbol: false,
        barMaxWidth: 22,
        itemStyle: data.kind === "bar" ? { borderRadius: [3, 3, 0, 0] } : {},
        lineStyle: { width: 2, type: series.dashed ? "dashed" : "solid" },
      })),
    };
  }

  const shapes = {
    // Bars that lie, the longest on top.
    rank: (look) => ({
      grid: { left: 4, right: 56, top: 4, bottom: 0, containLabel: true },
      tooltip: { trigger: "axis", axisPointer: { type: "none" }, renderMode: "richText", confine: true, valueFormatter: (value) => full(value, look.data.unit) },
      xAxis: { type: "value", show: false },
      yAxis: { type: "category", inverse: true, data: look.data.x, axisTick: { show: false }, axisLine: { show: false }, axisLabel: { color: look.grey, width: 120, overflow: "truncate" } },
      series: look.data.series.map((series) => ({
        name: series.name,
        type: "bar",
        data: series.values.map((value) => value / look.scale),
        barMaxWidth: 14,
        itemStyle: { borderRadius: 3 },
        label: { show: true, position: "right", color: look.grey, formatter: (item) => short(item.value) },
      })),
    }),
    funnel: (look) => ({
      tooltip: { renderMode: "richText", confine: true, valueFormatter: (value) => full(value, look.data.unit) },
      series: look.data.series.map((series) => ({
        name: series.name,
        type: "funnel",
        sort: "none",
        left: 8,
        right: 8,
        top: 8,
        bottom: 8,
        minSize: "26%",
        gap: 2,
        label: { position: "inside", formatter: (item) => item.name + " " + full(item.value, look.data.unit) },
        data: look.data.x.map((name, at) => ({ name: name, value: series.values[at] })),
      })),
    }),
    map: (look) => {
      const values = look.data.series[0].values;
      return {
        tooltip: { renderMode: "richText", confine: true, formatter: (item) => item.name + " " + (item.value >= 0 ? full(item.value, look.data.unit) : "没有成交") },
        visualMap: { min: 0, max: Math.max(1, ...values.map((value) => value / look.scale)), left: 8, bottom: 8, itemHeight: 80, text: [short(Math.max(0, ...values) / look.scale), "0"], textStyle: { color: look.grey }, inRange: { color: ["#eaf3ee", look.colours[0]] } },
        series: [
          {
            name: look.data.series[0].name,
            type: "map",
            map: "china",
            top: 8,
            bottom: 8,
            selectedMode: false,
            itemStyle: { areaColor: "#f4f6f8", borderColor: look.line },
            emphasis: { label: { show: false }, itemStyle: { areaColor: "#f0c36d" } },
            data: look.data.x.map((name, at) => ({ name: name, value: values[at] / look.scale })),
          },
        ],
      };
    },
  };

  // A map's outlines come as a file of their own, once.
  function drawMap(node) {
    fetch(node.dataset.map)
      .then((answer) => answer.json())
      .then((shape) => {
        window.echarts.registerMap("china", shape);
        draw(node);
      })
      .catch(() => (node.textContent = "地图没有加载成功，数字见下表。"));
  }

  if (window.echarts) {
    document.querySelectorAll("[data-chart]").forEach((node) => (node.dataset.map ? drawMap : draw)(node));
  }

  window.mallAdmin = { toast: toast };
})();
