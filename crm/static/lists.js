// Tabs, chips and the form of a chip, with less clicks. Everything works without this file.
(() => {
  const byId = (id) => document.getElementById(id);
  const editor = () => document.querySelector("#editor > .editor");
  const press = (element) => { element.focus(); element.click(); };

  // -- the form of a chip and the menu of fields: beside what opened them

  const opener = () => byId(editor()?.dataset.trigger) ?? byId("add-filter");
  const place = () => {
    const panel = editor();
    document.querySelectorAll("[aria-haspopup=dialog][aria-expanded]").forEach((one) => one.removeAttribute("aria-expanded"));
    if (!panel) return;
    opener()?.setAttribute("aria-expanded", "true");
    const at = opener()?.getBoundingClientRect();
    const around = byId("results").getBoundingClientRect();
    if (!at) return;
    const rtl = getComputedStyle(panel).direction === "rtl";
    const along = rtl ? around.right - at.right : at.left - around.left;
    panel.style.setProperty("--editor-x", `${Math.max(0, Math.min(along, around.width - panel.offsetWidth))}px`);
    panel.style.setProperty("--editor-y", `${at.bottom - around.top + 6}px`);
  };
  const close = (where) => {
    const back = where === "editor" ? opener() : byId("why-button");
    byId(where).replaceChildren();
    place();
    back?.focus();
  };
  document.addEventListener("click", (event) => {
    const closing = event.target.closest("[data-close]");
    const dialog = closing?.closest("dialog");
    const panel = closing?.closest("#editor, #why");
    if (dialog?.id === "list-dialog" || event.target.id === "list-dialog") {
      event.preventDefault();
      byId("list-dialog").close();
    } else if (panel) {
      event.preventDefault();
      close(panel.id);
    } else if (editor() && event.isTrusted && document.contains(event.target) && !event.target.closest("#editor, [aria-haspopup=dialog]")) {
      byId("editor").replaceChildren();
      place();
    }
  });
  addEventListener("resize", place);

  // -- narrowing a long menu or a long choice by typing

  const narrowed = (box) => box.parentElement.querySelector("[data-narrowed]");
  const shownIn = (box) => [...narrowed(box).querySelectorAll("li:not([hidden]) :is(a, input)")];
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const narrow = (box) => {
    const words = fold(box.value).split(/\s+/).filter(Boolean);
    let found = 0;
    for (const item of narrowed(box).querySelectorAll("li")) {
      const heading = item.closest("section")?.querySelector("h3")?.textContent ?? "";
      const text = fold(`${item.textContent} ${heading}`);
      item.hidden = !words.every((word) => text.includes(word));
      if (!item.hidden) found += 1;
    }
    narrowed(box).querySelectorAll("section").forEach((one) => { one.hidden = !one.querySelector("li:not([hidden])"); });
    const none = box.parentElement.querySelector(".editor-none");
    none.hidden = found > 0;
    window.standing.say(found ? `${found}` : none.textContent);
  };
  document.addEventListener("input", ({ target }) => { if (target.matches("[data-narrow]")) narrow(target); });
  const walk = (event) => {
    const box = event.target.closest(".editor")?.querySelector("[data-narrow]");
    if (!box) return;
    const all = shownIn(box);
    const here = all.indexOf(event.target);
    if (here < 0 && event.target !== box) return;
    if (event.key === "Enter" && event.target === box) {
      event.preventDefault();
      if (all.length) press(all[0]);
      return;
    }
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) {
      event.preventDefault();
      (all[here + by] ?? (here + by < 0 ? box : all.at(-1)))?.focus();
    } else if (event.key.length === 1 && event.target.matches("a") && !event.ctrlKey && !event.metaKey && !event.altKey) {
      box.focus();
    }
  };

  // In the form of a period, what is changed is also what is meant.
  document.addEventListener("input", ({ target }) => {
    const mode = target.closest(".editor-mode")?.querySelector("input[type=radio]");
    if (mode && target !== mode) mode.checked = true;
  });

  // -- keys

  let next = null;
  const removeChip = (event) => {
    const chip = event.target.closest?.("[data-chip]");
    if (!chip || !["Delete", "Backspace"].includes(event.key)) return false;
    event.preventDefault();
    next = chip.querySelector(".chip-edit").id;
    chip.querySelector(".chip-remove").click();
    return true;
  };
  let pressed = "";
  document.addEventListener("submit", ({ target, submitter }) => {
    pressed = submitter?.id ?? "";
    const place = target.matches(".editor") && target.elements.set.value;
    if (place) next = `chip-${place.replace(".", "-")}`;
  }, true);
  document.addEventListener("click", (event) => {
    const remove = event.target.closest?.(".chip-remove");
    if (remove && !next) next = remove.id;
  }, true);
  const letters = { "/": () => byId("list-q"), f: () => byId("add-filter") };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const open = event.target.closest?.("#editor, #why") ?? (editor() && byId("editor"));
      if (open?.firstElementChild && !document.querySelector("dialog[open]")) { event.preventDefault(); close(open.id); }
      return;
    }
    if (removeChip(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.(".editor")) { walk(event); return; }
    const typing = event.target.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (typing || document.body.dataset.shortcuts === "off" || document.querySelector("dialog[open]")) return;
    const wanted = letters[event.key.toLowerCase()]?.();
    if (!wanted) return;
    event.preventDefault();
    if (wanted.matches("input")) { wanted.focus(); wanted.select(); } else press(wanted);
  });

  // -- after an exchange: dialogs open, panels stand where they belong, the focus is somewhere

  document.addEventListener("htmx:afterSettle", ({ detail }) => {
    place();
    const dialog = byId("list-dialog");
    if (dialog && detail.target === dialog && dialog.firstElementChild && !dialog.open) {
      // A menu closes over what was pressed in it: its button has the focus afterwards.
      const menu = document.activeElement.closest("details.menu");
      const back = menu?.querySelector("summary") ?? document.activeElement;
      document.querySelectorAll("details.menu[open]").forEach((one) => { one.open = false; });
      dialog.addEventListener("close", () => { dialog.replaceChildren(); back.focus(); }, { once: true });
      dialog.showModal();
      dialog.querySelector("[data-autofocus]")?.focus();
      dialog.querySelector("[data-autofocus]")?.select?.();
    }
    const id = detail.target?.id;
    if (id === "editor" && editor() && !editor().contains(document.activeElement)) {
      // Whoever was refused goes on where it is wrong, or in what was chosen.
      const wanted = ["[aria-invalid]", ".editor-mode input:checked", "input:checked", "select, input:not([type=hidden])"];
      wanted.map((one) => editor().querySelector(one)).find(Boolean)?.focus();
    }
    if (id === "arrange" && [document.body, byId("arrange")].includes(document.activeElement)) {
      // At the end of the tabs a button rests: then the other one has the focus.
      const [by, ...tab] = pressed.split("-");
      const other = byId([by === "earlier" ? "later" : "earlier", ...tab].join("-"));
      (other && !other.disabled ? other : byId("arrange")).focus();
    }
    if (next && id === "list") {
      (byId(next) ?? [...document.querySelectorAll(".chip-edit")].at(-1) ?? byId("add-filter"))?.focus();
    }
    next = null;
    document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  place();

  // The numbers on the tabs are asked for once a page; the list is exchanged under them.
  const counts = new Map();
  const number = () => document.querySelectorAll(".tab-count").forEach((one) => {
    if (one.textContent) counts.set(one.id, one.textContent);
    else one.textContent = counts.get(one.id) ?? "";
  });
  for (const name of ["htmx:afterSwap", "htmx:oobAfterSwap"]) document.addEventListener(name, number);

  // -- the order of tabs, by dragging them; the page that arranges them has buttons too

  let drag = null;
  document.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest?.("[data-sort-list] .grip, [data-sort-tabs] > [data-slug] > a");
    if (!grip || event.button || (event.pointerType === "touch" && !grip.matches(".grip"))) return;
    const item = grip.closest("[data-slug]");
    drag = { item, list: item.parentElement, x: event.clientX, y: event.clientY, moved: false };
  });
  document.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const { item, list } = drag;
    const across = list.matches("[data-sort-tabs]");
    const away = across ? event.clientX - drag.x : event.clientY - drag.y;
    if (!drag.moved && Math.abs(away) < 6) return;
    event.preventDefault();
    drag.moved = true;
    item.classList.add("dragged");
    const middle = (one) => {
      const box = one.getBoundingClientRect();
      return across ? box.left + box.width / 2 : box.top + box.height / 2;
    };
    const at = across ? event.clientX : event.clientY;
    const others = [...list.querySelectorAll(":scope > [data-slug]")].filter((one) => one !== item);
    const after = others.find((one) => at < middle(one));
    if (after) { if (after !== item.nextElementSibling) after.before(item); } else others.at(-1)?.after(item);
  });
  const drop = () => {
    if (!drag) return;
    const { item, list, moved } = drag;
    drag = null;
    item.classList.remove("dragged");
    if (!moved) return;
    // What was dragged is not clicked as well.
    addEventListener("click", (event) => { event.preventDefault(); event.stopPropagation(); }, { capture: true, once: true });
    setTimeout(() => dispatchEvent(new Event("click")), 0);
    const form = list.closest("form") ?? byId("tab-order");
    const values = new FormData(form);
    values.set("order", "1");
    list.querySelectorAll(":scope > [data-slug]").forEach((one) => values.append("tab", one.dataset.slug));
    fetch(form.action, { method: "POST", body: values, headers: { "HX-Request": "true" } })
      .then((answer) => { if (!answer.ok) throw new Error(answer.status); })
      .catch(() => window.standing.complain(document.body.dataset.failed));
  };
  document.addEventListener("pointerup", drop);
  document.addEventListener("pointercancel", drop);
  document.addEventListener("dragstart", (event) => { if (event.target.closest?.("[data-sort-tabs]")) event.preventDefault(); });
})();
