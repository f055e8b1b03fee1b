// Lists to work with: choosing rows, moving among cells, editing them, choosing columns. Without this file rows are
// ticked one by one, the record's own page edits it, and columns are chosen on a page.
(() => {
  const { say, complain } = window.standing;
  const phone = window.matchMedia("(max-width: 767.98px)");
  const table = () => document.querySelector(".list-table");
  const bar = () => document.getElementById("act");
  const boxes = () => [...document.querySelectorAll("input[name=row]")];
  const rows = () => [...(table()?.tBodies[0].rows ?? [])];

  // -- choosing rows

  let last = null;
  const refresh = (spoken = true) => {
    const form = bar();
    if (!form) return;
    const all = boxes();
    const chosen = all.filter((box) => box.checked).length;
    const { scope } = form.elements;
    const page = chosen > 0 && chosen === all.length;
    if (!page || scope.value !== "all") scope.value = "rows";
    const state = scope.value === "all" ? "all" : page ? "page" : "some";
    const number = state === "all" ? Number(form.elements.count.value) : chosen;
    form.classList.toggle("is-open", chosen > 0);
    form.querySelectorAll("[data-when]").forEach((part) => { part.hidden = part.dataset.when !== state; });
    form.querySelector("[data-chosen]").textContent = state === "some" ? form.dataset.said.replace("{n}", chosen) : "";
    form.querySelectorAll("[data-merge]").forEach((button) => { button.hidden = state === "all" || number !== 2; });
    const head = document.getElementById("pick-page");
    head.checked = page;
    head.indeterminate = chosen > 0 && !page;
    const said = form.querySelectorAll("[data-chosen], span[data-when]:not([hidden])");
    if (spoken) say([...said].map((one) => one.textContent).join(""));
  };
  const pick = (what) => {
    const form = bar();
    form.elements.scope.value = what === "all" ? "all" : "rows";
    boxes().forEach((box) => { box.checked = what !== "none"; });
    refresh();
    if (what === "none") focusCell(current ?? rows()[0]?.cells[1]);
    // The button that was pressed is hidden by now.
    else if (what === "all" || what === "page") form.querySelector("button:not([hidden], [data-pick]), summary")?.focus();
  };
  document.addEventListener("change", ({ target }) => {
    if (target.id === "pick-page") pick(target.checked ? "ticked" : "none");
    else if (target.name === "row") refresh();
  });
  document.addEventListener("click", (event) => {
    const box = event.target.closest("input[name=row]");
    if (box) {
      const all = boxes();
      if (event.shiftKey && last?.isConnected) {
        const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
        all.slice(from, to + 1).forEach((one) => { one.checked = box.checked; });
        refresh();
      }
      last = box;
    }
    const button = event.target.closest("[data-pick]");
    if (button) pick(button.dataset.pick);
  });
  // Whoever comes back to the page after acting on rows has chosen none.
  window.addEventListener("pageshow", () => {
    boxes().forEach((box) => { box.checked = false; });
    refresh(false);
  });
  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (form !== bar() || !submitter) return;
    if (submitter.dataset.merge) {
      event.preventDefault();
      const ids = boxes().filter((box) => box.checked).map((box) => box.value);
      location.assign(`${submitter.dataset.merge}?ids=${ids.join(",")}`);
    } else if (submitter.dataset.dialog !== undefined) {
      event.preventDefault();
      const values = {};
      for (const [name, value] of new FormData(form)) (values[name] ??= []).push(value);
      openPanel(submitter, "POST", submitter.formAction, values);
    }
  });

  // -- moving among cells: one of them is in the order of Tab, the arrows lead to the others

  let current = null;
  // What in a cell takes the focus for it.
  const handle = (cell) => cell.querySelector("input[name=row]") ?? (cell.tagName === "TH" ? cell.querySelector(".name") : null) ?? cell;
  const enter = (cell) => {
    if (current?.isConnected) handle(current).tabIndex = -1;
    current = cell;
    handle(cell).tabIndex = 0;
  };
  const focusCell = (cell) => {
    if (!cell) return;
    enter(cell);
    handle(cell).focus();
  };
  const cellOf = (node) => node?.closest?.(".list-table tbody > tr > *") ?? null;
  const prepareRow = (row) => {
    row.querySelectorAll("a, input").forEach((inner) => { inner.tabIndex = -1; });
    const heads = table().tHead.rows[0].cells;
    [...row.cells].forEach((cell, place) => {
      if (heads[place].dataset.edit) cell.classList.add("can-edit");
      if (phone.matches && place > 1 && !heads[place].matches(".below, [class*=_status], .col-stage")) cell.dataset.head = (heads[place].querySelector("a") ?? heads[place]).firstChild.textContent;
    });
  };
  const prepare = () => {
    const grid = table();
    if (!grid || grid.getAttribute("role")) return;
    grid.setAttribute("role", "grid");
    rows().forEach(prepareRow);
    current = null;
    if (rows().length) enter(rows()[0].cells[1]);
    last = null;
    refresh(false);
    measure();
  };
  const isShown = (cell) => cell.offsetParent !== null;
  const step = (cell, down, along) => {
    const row = rows()[rows().indexOf(cell.parentElement) + down];
    if (!along) return row?.cells[cell.cellIndex];
    let next = cell;
    do next = along > 0 ? next.nextElementSibling : next.previousElementSibling; while (next && !isShown(next));
    return next;
  };
  const moves = {
    ArrowDown: (cell) => step(cell, 1, 0),
    ArrowUp: (cell) => step(cell, -1, 0),
    ArrowRight: (cell) => step(cell, 0, 1),
    ArrowLeft: (cell) => step(cell, 0, -1),
    Home: (cell) => cell.parentElement.cells[0],
    End: (cell) => [...cell.parentElement.cells].filter(isShown).at(-1),
  };
  document.addEventListener("focusin", ({ target }) => {
    const cell = cellOf(target);
    if (cell && cell !== current && !target.closest(".cell-form")) enter(cell);
  });
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (target.closest(".cell-form")) return inForm(event);
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return undefined;
    const cell = cellOf(target);
    if (cell && moves[key] && !event.shiftKey) {
      event.preventDefault();
      return focusCell(moves[key](cell));
    }
    if (cell && (key === "F2" || (key === "Enter" && target === cell))) {
      event.preventDefault();
      return edit(cell) || cell.querySelector("a")?.click();
    }
    const typing = target.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (typing || document.body.dataset.shortcuts === "off") return undefined;
    return letters[key]?.(event, cell);
  });

  // -- single keys, which can be switched off

  const toRow = (event, by) => {
    event.preventDefault();
    const all = rows();
    const here = cellOf(document.activeElement);
    const place = here ? all.indexOf(here.parentElement) + by : 0;
    focusCell(all[place]?.cells[here?.cellIndex ?? 1]);
  };
  const letters = {
    j: (event) => toRow(event, 1),
    k: (event) => toRow(event, -1),
    x: (event, cell) => {
      const box = cell?.parentElement.querySelector("input[name=row]");
      if (!box) return;
      event.preventDefault();
      box.click();
    },
    e: (event, cell) => {
      if (!cell) return;
      event.preventDefault();
      if (!edit(cell)) location.assign(`${addressOf(cell.parentElement)}edit/`);
    },
    "?": (event) => {
      event.preventDefault();
      document.querySelector("[data-shortcuts-page]").click();
    },
  };

  // -- editing a cell

  const addressOf = (row) => row.querySelector(".name").pathname;
  let editing = null;
  const edit = (cell) => {
    const field = table().tHead.rows[0].cells[cell.cellIndex].dataset.edit;
    if (!field) return false;
    if (editing && !leave()) return true;
    unpoint();
    editing = { cell, content: [...cell.childNodes], sent: null, move: 0 };
    htmx.ajax("GET", `${addressOf(cell.parentElement)}cell/${field}/`, { source: cell, target: cell, swap: "innerHTML" });
    return true;
  };
  const formOf = (cell) => cell.querySelector(".cell-form");
  const typed = (form) => JSON.stringify([...new FormData(form)]);
  const close = (move = 0) => {
    const { cell, content } = editing;
    editing = null;
    cell.classList.remove("is-editing");
    cell.replaceChildren(...content);
    focusCell((move && step(cell, 0, move)) || cell);
  };
  // Leaves the cell that is being edited, unless something typed would be lost.
  const leave = () => {
    const form = formOf(editing.cell);
    if (form && typed(form) !== editing.sent) {
      form.querySelector(".cell-field :is(input:not([type=hidden]), select, textarea)")?.focus();
      return false;
    }
    close();
    return true;
  };
  // Where several inputs are one field, Tab leads through them first.
  const inGroup = ({ target, shiftKey }) => {
    const group = target.closest(".cell-group");
    return group && [...group.querySelectorAll("input:not([type=hidden])")].at(shiftKey ? 0 : -1) !== target;
  };
  const inForm = (event) => {
    const form = event.target.closest(".cell-form");
    if (event.key === "Escape") {
      // A list of suggestions closes first.
      if (event.target.getAttribute("aria-expanded") === "true") return;
      event.stopPropagation();
      close();
    } else if (event.key === "Tab" && !event.defaultPrevented && event.target.closest(".cell-field") && !inGroup(event)) {
      event.preventDefault();
      editing.move = event.shiftKey ? -1 : 1;
      if (typed(form) === editing.sent) close(editing.move);
      else form.requestSubmit();
    } else if (event.key === "Enter" && event.target.matches("textarea, select") && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  };
  document.addEventListener("dblclick", ({ target }) => {
    const cell = cellOf(target);
    if (cell && !target.closest(".cell-form, a, input")) edit(cell);
  });
  document.addEventListener("click", ({ target }) => {
    const cell = cellOf(target);
    if (target.closest(".cell-pencil")) edit(cell);
    else if (target.closest(".cell-form [data-cancel]")) close();
    else if (editing && !target.closest(".cell-form, .ts-dropdown") && formOf(editing.cell)) {
      if (typed(formOf(editing.cell)) === editing.sent) close();
    } else if (cell && !target.closest("a, input, .cell-form")) focusCell(cell);
  });
  const opened = (cell) => {
    const form = formOf(cell);
    if (!form) return;
    cell.classList.add("is-editing");
    form.classList.toggle("upward", rows().indexOf(cell.parentElement) > 3 && form.getBoundingClientRect().bottom > innerHeight - 8);
    form.classList.toggle("to-end", cell.getBoundingClientRect().left + form.offsetWidth > document.documentElement.clientWidth - 16);
    const input = form.querySelector("[data-autofocus], .cell-field :is(input:not([type=hidden]), select, textarea)");
    load(form);
    input?.focus();
    input?.select?.();
    setTimeout(search);
    editing.sent ??= typed(form);
  };
  const saved = (row) => {
    const { move, place, checked } = editing;
    editing = null;
    prepareRow(row);
    row.querySelector("input[name=row]").checked = checked;
    const cell = row.cells[place];
    focusCell((move && step(cell, 0, move)) || cell);
  };
  document.addEventListener("htmx:beforeRequest", ({ detail }) => {
    if (!editing || !detail.elt.matches?.(".cell-form")) return;
    const row = editing.cell.parentElement;
    editing.key = row.querySelector("input[name=row]").value;
    editing.place = editing.cell.cellIndex;
    editing.checked = row.querySelector("input[name=row]").checked;
  });

  // -- the pencil, in the cell under the mouse

  const pencil = document.createElement("button");
  Object.assign(pencil, { type: "button", className: "cell-pencil", tabIndex: -1 });
  pencil.setAttribute("aria-hidden", "true");
  const unpoint = () => pencil.remove();
  document.addEventListener("mouseover", ({ target }) => {
    const cell = cellOf(target);
    if (!cell || cell === pencil.parentElement || editing?.cell === cell) return;
    unpoint();
    if (cell.scrollWidth > cell.clientWidth) cell.title = cell.textContent;
    if (cell.classList.contains("can-edit")) cell.append(pencil);
  });

  // -- a table too wide for its place

  const measure = () => {
    const region = document.querySelector(".list-scroll");
    if (!region) return;
    const wide = !phone.matches && table().scrollWidth > region.clientWidth + 1;
    region.classList.toggle("is-wide", wide);
    if (wide) region.tabIndex = 0;
    else region.removeAttribute("tabindex");
    region.onscroll = () => region.classList.toggle("is-scrolled", region.scrollLeft > 0);
  };
  new ResizeObserver(measure).observe(document.getElementById("main"));

  // -- sorting by one more

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-then]");
    if (!link || !event.shiftKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    htmx.ajax("GET", link.dataset.then, { source: link, target: "#list", swap: "outerHTML show:none" });
  }, true);

  // -- panels: what without this file is a page of its own

  const panel = document.getElementById("panel-dialog");
  const openPanel = (opener, verb, url, values) => {
    htmx.ajax(verb, url, { target: "#panel", swap: "innerHTML", values }).then(() => {
      document.querySelectorAll("details.menu[open]").forEach((menu) => { menu.open = false; });
      document.getElementById("panel-title").textContent = opener.dataset.dialog;
      if (!panel.open) panel.showModal();
    });
    load(opener);
    // The menu that it was chosen from is closed by then.
    panel.onclose = () => (opener.checkVisibility() ? opener : opener.closest("details")?.querySelector("summary"))?.focus();
  };
  document.addEventListener("click", (event) => {
    if (!panel) return;
    const opener = event.target.closest("a[data-dialog]");
    if (opener && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      openPanel(opener, "GET", opener.href);
    } else if (event.target === panel || event.target.closest("#panel-dialog [data-close]")) {
      event.preventDefault();
      panel.close();
    }
  });

  // -- the order of columns

  const moveColumn = (item, by) => {
    const other = by < 0 ? item.previousElementSibling : item.nextElementSibling;
    if (!other?.matches("[data-column]")) return;
    other[by < 0 ? "before" : "after"](item);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".column-move");
    if (!button) return;
    event.preventDefault();
    const item = button.closest("li");
    moveColumn(item, button.value.endsWith(".up") ? -1 : 1);
    const place = [...item.parentElement.children].indexOf(item) + 1;
    // At the end the button is gone.
    (getComputedStyle(button).visibility === "hidden" ? item.querySelector("input") : button).focus();
    say(`${item.querySelector("label").innerText.trim()}: ${place}`);
  });
  let dragged = null;
  document.addEventListener("pointerdown", ({ target }) => {
    const item = target.closest(".column-grip")?.closest("li");
    if (item) item.draggable = true;
  });
  document.addEventListener("dragstart", ({ target, dataTransfer }) => {
    if (!target.matches?.("[data-column]")) return;
    dragged = target;
    dataTransfer.effectAllowed = "move";
    target.classList.add("is-dragged");
  });
  document.addEventListener("dragover", (event) => {
    const over = event.target.closest?.("[data-column]");
    if (!dragged || !over) return;
    event.preventDefault();
    const { top, height } = over.getBoundingClientRect();
    if (over !== dragged) over[event.clientY < top + height / 2 ? "before" : "after"](dragged);
  });
  document.addEventListener("dragend", () => {
    dragged?.classList.remove("is-dragged");
    if (dragged) dragged.draggable = false;
    dragged = null;
  });

  // -- files that only some forms need

  // A search box takes the place of what had the focus.
  const search = () => editing?.cell.querySelector("select[data-contact-picker]")?.tomselect?.focus();
  const load = (root) => {
    const needs = root.dataset.needs ?? root.querySelector("[data-needs]")?.dataset.needs;
    for (const url of needs?.split(" ") ?? []) {
      if (document.querySelector(`[href="${url}"], [src="${url}"]`)) continue;
      const style = url.includes(".css");
      const file = document.createElement(style ? "link" : "script");
      if (style) Object.assign(file, { rel: "stylesheet", href: url });
      else Object.assign(file, { src: url, async: false, onload: search });
      document.head.append(file);
    }
  };

  document.addEventListener("htmx:afterSettle", ({ detail }) => {
    prepare();
    if (!editing) return;
    if (editing.cell.isConnected) return editing.cell.contains(detail.elt) && opened(editing.cell);
    const box = document.querySelector(`input[name=row][value="${editing.key}"]`);
    if (box) saved(box.closest("tr"));
    else editing = null;
  });
  document.addEventListener("htmx:responseError", ({ detail }) => {
    if (!editing || detail.xhr.status !== 404) return;
    complain(table().dataset.readOnly);
    close();
  });
  prepare();
})();
