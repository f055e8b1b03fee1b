// Writing mails: the rich text with its buttons, merge fields, links, pictures, and saving after pauses. Without this
// file the text is written as simple HTML and saved by its button.
(() => {
  const area = document.querySelector("textarea[data-rich]");
  const form = area?.form;
  if (!form) return;
  const byId = (id) => document.getElementById(id);
  const root = byId("rich");
  const bar = byId("rich-bar");
  const BLOCKS = ["P", "H1", "H2", "H3"];
  const KEPT = {
    A: ["href", "class"], IMG: ["src", "alt", "width", "height"], OL: ["start"],
    ...Object.fromEntries(["H1", "H2", "H3", "P", "BR", "HR", "UL", "OL", "LI", "STRONG", "B", "EM", "I", "U", "S", "BLOCKQUOTE"].map((tag) => [tag, []])),
  };
  const GONE = ["SCRIPT", "STYLE", "TITLE", "TEMPLATE", "SVG", "MATH", "HEAD", "IFRAME", "OBJECT", "NOSCRIPT"];
  const PICTURE = /^(?:https?:\/\/[^/?#]+)?(\/i\/[\w-]{22}\.(?:png|jpg|gif))$/;
  const safe = (tag, url) => (tag === "IMG" ? PICTURE : /^(https?:|mailto:|tel:|\{\{)/i).test(url.trim());

  // -- what is pasted keeps what a mail may have; the server looks again

  const kept = (node, into) => {
    for (const child of node.childNodes) {
      if (child.nodeType === Node.TEXT_NODE) into.append(child.data);
      if (child.nodeType !== Node.ELEMENT_NODE || GONE.includes(child.tagName.toUpperCase())) continue;
      const tag = child.tagName.toUpperCase();
      const url = child.getAttribute("href") ?? child.getAttribute("src");
      const known = tag in KEPT && !(url !== null && !safe(tag, url)) && !(tag === "IMG" && url === null);
      const bold = tag === "B" && /font-weight:\s*(normal|400)/.test(child.getAttribute("style") ?? "");
      if (!known || bold) {
        kept(child, into);
        // What stood on lines of its own goes on doing so.
        if (["DIV", "TR", "H4", "H5", "H6", "SECTION", "ARTICLE"].includes(tag)) into.append(document.createElement("br"));
        continue;
      }
      const copy = document.createElement(tag);
      for (const name of KEPT[tag] ?? []) {
        const value = name === "src" ? PICTURE.exec(url.trim())[1] : child.getAttribute(name);
        if (value !== null && (name !== "class" || value === "button")) copy.setAttribute(name, value);
      }
      kept(child, copy);
      into.append(copy);
    }
    return into;
  };
  const sanitized = (html) => kept(new DOMParser().parseFromString(html, "text/html").body, document.createDocumentFragment());

  const editor = new window.Squire(root, {
    blockTag: "P",
    sanitizeToDOMFragment: sanitized,
    didError: (error) => { throw error; },
  });
  // Its handles for pictures need inline styles, which no page may have.
  editor._imageResizer.destroy();
  // The key Tab leads on, as anywhere.
  for (const key of ["Tab", "Shift-Tab", "PageUp", "PageDown", "Ctrl-d", "Ctrl-Shift-5", "Ctrl-Shift-6", "Meta-Shift-5", "Meta-Shift-6"]) editor.setKeyHandler(key, null);

  const written = () => {
    const copy = root.cloneNode(true);
    copy.querySelectorAll("li > p:only-child").forEach((one) => one.replaceWith(...one.childNodes));
    copy.querySelectorAll("br:last-child").forEach((one) => { if (one.previousSibling) one.remove(); });
    copy.querySelectorAll("img[tabindex]").forEach((one) => one.removeAttribute("tabindex"));
    copy.querySelectorAll("a[class='']").forEach((one) => one.removeAttribute("class"));
    return copy.innerHTML.replaceAll("\u200b", "").replaceAll("&nbsp;", " ");
  };

  // -- saving: after pauses, unless somebody else wrote meanwhile

  let changed = false;
  const note = () => {
    changed = true;
    if (form.dataset.saves !== undefined && !byId("saved")?.querySelector("[data-conflict]")) window.htmx.trigger(form, "draft");
  };
  const own = byId("id_own_text");
  const text = byId("id_text");
  const showText = () => { text.readOnly = !own.checked; };
  own.addEventListener("change", () => { showText(); if (own.checked) text.focus(); });
  showText();
  form.addEventListener("input", ({ target }) => { if (!target.closest("dialog") && !root.contains(target)) note(); });
  form.addEventListener("change", ({ target }) => { if (target.matches("select, [type=checkbox]") && !target.closest("dialog")) note(); });
  form.addEventListener("submit", () => { area.value = written(); changed = false; });
  addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
  form.addEventListener("htmx:beforeSend", () => { changed = false; });
  for (const name of ["htmx:sendError", "htmx:responseError"]) form.addEventListener(name, () => { changed = true; });
  form.addEventListener("htmx:afterSwap", () => {
    if (byId("saved").querySelector("[data-conflict], [data-refused]")) changed = true;
    const version = byId("saved").querySelector("[data-version]")?.dataset.version;
    if (version) form.elements.version.value = version;
    const derived = byId("saved").querySelector("[data-derived]");
    if (derived && !own.checked) text.value = derived.textContent;
  });

  // Whose session ended signs in beside this page, which keeps what was written and goes on saving.
  let signedOut = false;
  form.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (new URL(xhr.responseURL || location.href, location.href).pathname !== document.body.dataset.login) return;
    event.stopPropagation();
    event.detail.shouldSwap = false;
    signedOut = changed = true;
    byId("saved").replaceChildren(byId("signed-out").content.cloneNode(true));
  });
  addEventListener("focus", async () => {
    if (!signedOut) return;
    const answer = await fetch(form.action);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const token = page.querySelector("#compose [name=csrfmiddlewaretoken]");
    if (!token) return;
    signedOut = false;
    form.elements.csrfmiddlewaretoken.value = token.value;
    note();
  });

  // -- merge fields are told apart in the text, without changing it

  const PLACE = /\{\{\s*[a-z]\w*\s*(?:\|[^{}]*)?\}\}/gi;
  const mark = () => {
    if (!window.Highlight) return;
    const ranges = [];
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      for (const found of walker.currentNode.data.matchAll(PLACE)) {
        const range = new Range();
        range.setStart(walker.currentNode, found.index);
        range.setEnd(walker.currentNode, found.index + found[0].length);
        ranges.push(range);
      }
    }
    CSS.highlights.set("merge-field", new Highlight(...ranges));
  };

  const fit = () => { root.classList.toggle("is-empty", !root.textContent.trim() && !root.querySelector("img, li, hr")); mark(); };
  editor.setHTML(area.value);
  area.hidden = true;
  root.hidden = bar.hidden = false;
  fit();
  editor.addEventListener("input", () => { area.value = written(); fit(); note(); });
  // A label leads to what it labels.
  document.querySelector("label[for=id_html]")?.addEventListener("click", () => editor.focus());
  if (location.hash === "#id_html") editor.focus();
  document.addEventListener("click", (event) => { if (event.target.closest("a[href='#id_html']")) { event.preventDefault(); editor.focus(); } });

  // -- the buttons: one of them is in the order of Tab, the arrows lead to the others

  const buttons = [...bar.querySelectorAll("button")];
  const rove = (to) => { buttons.forEach((one) => { one.tabIndex = one === to ? 0 : -1; }); };
  rove(buttons[0]);
  bar.addEventListener("focusin", ({ target }) => { if (buttons.includes(target)) rove(target); });
  bar.addEventListener("keydown", (event) => {
    const here = buttons.indexOf(document.activeElement);
    const rtl = getComputedStyle(bar).direction === "rtl" ? -1 : 1;
    const to = { ArrowRight: here + rtl, ArrowLeft: here - rtl, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined || here < 0) return;
    event.preventDefault();
    buttons.at(to % buttons.length).focus();
  });
  root.addEventListener("keydown", (event) => {
    if (event.key !== "F10" || !event.altKey) return;
    event.preventDefault();
    buttons.find((one) => one.tabIndex === 0).focus();
  });

  const within = (tag) => {
    const node = editor.getSelection().commonAncestorContainer;
    const found = (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement)?.closest(tag);
    return found && root.contains(found) ? found : null;
  };
  const toggled = (tag, on, off) => () => (editor.hasFormat(tag) || (tag === "B" && within("strong")) || (tag === "I" && within("em")) ? off() : on());
  const block = (tag) => () => {
    const wanted = within(tag) ? "P" : tag;
    editor.modifyBlocks((part) => {
      for (const one of [...part.querySelectorAll(BLOCKS.join())]) {
        if (one.closest("li")) continue;
        const other = document.createElement(wanted);
        other.append(...one.childNodes);
        one.replaceWith(other);
      }
      return part;
    });
  };
  const acts = {
    bold: toggled("B", () => editor.bold(), () => editor.changeFormat(null, { tag: within("strong") ? "STRONG" : "B" })),
    italic: toggled("I", () => editor.italic(), () => editor.changeFormat(null, { tag: within("em") ? "EM" : "I" })),
    underline: toggled("U", () => editor.underline(), () => editor.removeUnderline()),
    strike: toggled("S", () => editor.strikethrough(), () => editor.removeStrikethrough()),
    h1: block("H1"),
    h2: block("H2"),
    h3: block("H3"),
    quote: () => (within("blockquote") ? editor.removeQuote() : editor.increaseQuoteLevel()),
    bullets: () => (within("ul") ? editor.removeList() : editor.makeUnorderedList()),
    numbers: () => (within("ol") ? editor.removeList() : editor.makeOrderedList()),
    undo: () => editor.undo(),
    redo: () => editor.redo(),
    plain: () => editor.removeAllFormatting(),
    field: () => openFields(null),
    link: () => openLink(false),
    button: () => openLink(true),
    picture: () => openPicture(),
  };
  const STATES = { bold: "b, strong", italic: "i, em", underline: "u", strike: "s", h1: "h1", h2: "h2", h3: "h3", quote: "blockquote", bullets: "ul", numbers: "ol", link: "a:not(.button)", button: "a.button" };
  const press = () => buttons.forEach((one) => {
    const tag = STATES[one.dataset.do];
    if (tag && one.hasAttribute("aria-pressed")) one.setAttribute("aria-pressed", String(Boolean(within(tag))));
  });
  editor.addEventListener("pathChange", press);
  editor.addEventListener("select", press);
  bar.addEventListener("mousedown", (event) => event.preventDefault());
  bar.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-do]");
    if (!button) return;
    const dialog = ["field", "link", "button", "picture"].includes(button.dataset.do);
    if (!dialog) editor.focus();
    acts[button.dataset.do]();
    press();
  });
  root.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    openLink(false);
  });
  // Pressing Enter at the end of a button or a link goes on without it.
  root.addEventListener("click", (event) => { if (event.target.closest("a")) event.preventDefault(); });

  // -- dialogs: what was being written has the focus again afterwards

  const open = (dialog, back, first) => {
    dialog.addEventListener("close", () => back(), { once: true });
    dialog.showModal();
    first.focus();
    first.select?.();
  };
  const fields = byId("field-dialog");
  const links = byId("link-dialog");
  const pictures = byId("picture-dialog");
  for (const dialog of [fields, links, pictures]) {
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest("[data-cancel]")) dialog.close();
    });
    // Enter in a dialog does what the dialog is for; the form around it is not sent.
    dialog.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !event.target.matches("input:not([type=checkbox], [type=file]), select")) return;
      event.preventDefault();
      dialog.querySelector("[data-done]").click();
    });
  }
  const valid = (dialog) => [...dialog.querySelectorAll("input, select")].every((one) => one.reportValidity());

  let into = null;
  let caret = null;
  const nothing = fields.querySelector("[type=checkbox]");
  const mayLack = () => {
    const instead = fields.querySelector("[type=text]");
    instead.required = !nothing.checked;
    instead.disabled = nothing.checked;
  };
  nothing.addEventListener("change", mayLack);
  const openFields = (input) => {
    into = input;
    caret = input ? [input.selectionStart, input.selectionEnd] : null;
    fields.querySelector("select").selectedIndex = 0;
    fields.querySelector("[type=text]").value = "";
    nothing.checked = false;
    mayLack();
    open(fields, () => (into ? into.focus() : editor.focus()), fields.querySelector("select"));
  };
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-field-into]");
    if (button) openFields(byId(button.dataset.fieldInto));
  });
  fields.querySelector("[data-done]").addEventListener("click", () => {
    if (!valid(fields)) return;
    const instead = nothing.checked ? "" : fields.querySelector("[type=text]").value.replace(/["“”„«»{}]/g, "").trim();
    const place = `{{ ${fields.querySelector("select").value} | "${instead}" }}`;
    fields.close();
    if (into) {
      into.setRangeText(place, caret[0], caret[1], "end");
      into.dispatchEvent(new Event("input", { bubbles: true }));
    } else {
      editor.focus();
      editor.insertPlainText(place, false);
    }
    window.standing.say(fields.dataset.inserted.replace("{field}", place));
  });

  let link = null;
  const whole = (address) => {
    const url = address.trim();
    if (/^(https?:|mailto:|tel:|\{\{)/i.test(url)) return url;
    if (/^[^\s/@]+@[^\s/@]+$/.test(url)) return `mailto:${url}`;
    return `https://${url.replace(/^\/+/, "")}`;
  };
  const openLink = (asButton) => {
    link = within("a");
    const [words, address] = links.querySelectorAll("input[type=text]");
    words.value = link ? link.textContent : editor.getSelectedText();
    address.value = link?.getAttribute("href") ?? "";
    links.querySelector("[type=checkbox]").checked = link ? link.classList.contains("button") : asButton;
    links.querySelector("[data-remove]").hidden = !link;
    open(links, () => editor.focus(), words.value ? address : words);
  };
  const replaceLink = (html) => {
    if (link) {
      const range = document.createRange();
      range.selectNode(link);
      editor.setSelection(range);
    }
    editor.insertHTML(html);
  };
  links.querySelector("[data-done]").addEventListener("click", () => {
    if (!valid(links)) return;
    const [words, address] = links.querySelectorAll("input[type=text]");
    const made = document.createElement("a");
    made.href = whole(address.value);
    made.textContent = words.value.trim() || address.value.trim();
    if (links.querySelector("[type=checkbox]").checked) made.className = "button";
    links.close();
    editor.focus();
    replaceLink(made.outerHTML);
  });
  links.querySelector("[data-remove]").addEventListener("click", () => {
    links.close();
    editor.focus();
    replaceLink(new Option(link.textContent).innerHTML);
  });

  let picture = null;
  const fault = pictures.querySelector("[data-fault]");
  const chosen = pictures.querySelector("[type=file]");
  const words = pictures.querySelector("[type=text]");
  const openPicture = (file) => {
    const range = editor.getSelection();
    picture = !file && (range.cloneContents().querySelector?.("img") ? [...root.querySelectorAll("img")].find((one) => range.intersectsNode(one)) : null);
    fault.textContent = "";
    words.value = picture?.alt ?? "";
    chosen.value = "";
    chosen.required = !picture;
    if (file) {
      const list = new DataTransfer();
      list.items.add(file);
      chosen.files = list.files;
    }
    open(pictures, () => editor.focus(), file || picture ? words : chosen);
  };
  pictures.querySelector("[data-done]").addEventListener("click", async ({ currentTarget: button }) => {
    if (!valid(pictures)) return;
    if (picture && !chosen.files.length) {
      picture.alt = words.value.trim();
      pictures.close();
      return;
    }
    const sent = new FormData();
    sent.append("file", chosen.files[0]);
    sent.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    button.disabled = true;
    fault.textContent = "";
    try {
      const answer = await fetch(pictures.dataset.url, { method: "POST", body: sent, headers: { Accept: "application/json" } });
      const found = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : { problems: [document.body.dataset.failed] };
      if (!answer.ok) {
        fault.textContent = found.problems.join(" ");
        return;
      }
      pictures.close();
      editor.focus();
      editor.insertImage(found.src, { alt: words.value.trim(), width: String(found.width), height: String(found.height) });
    } catch {
      fault.textContent = document.body.dataset.unreachable;
    } finally {
      button.disabled = false;
    }
  });
  root.addEventListener("dblclick", ({ target }) => {
    if (!target.matches("img")) return;
    const range = document.createRange();
    range.selectNode(target);
    editor.setSelection(range);
    openPicture();
  });
  const pictureOf = (data) => [...(data?.items ?? [])].find((one) => one.kind === "file" && one.type.startsWith("image/"))?.getAsFile();
  editor.addEventListener("pasteImage", ({ detail }) => { const file = pictureOf(detail.clipboardData); if (file) openPicture(file); });
  root.addEventListener("drop", (event) => {
    const file = pictureOf(event.dataTransfer);
    if (!file) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    openPicture(file);
  }, true);
})();
