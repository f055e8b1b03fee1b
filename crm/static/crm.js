// What plain HTML cannot do by itself. Every page works without this file.
(() => {
  const say = (text) => { document.getElementById("live").textContent = text; };
  const complain = (text) => { document.getElementById("alert").textContent = text; };

  // Menus (details.menu): one open at a time; a click elsewhere or Escape closes.
  const closeMenus = (except) => document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (menu !== except && !menu.contains(except)) menu.open = false;
  });
  document.addEventListener("click", (event) => {
    closeMenus(event.target);
    const dismiss = event.target.closest("[data-dismiss]");
    if (dismiss) dismiss.closest(".notice").remove();
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.activeElement.closest("details.menu[open]");
    if (!menu) return closeMenus(event.key === "Escape" ? null : document.activeElement);
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  document.addEventListener("focusin", (event) => closeMenus(event.target));

  // A panel that would stick out on the right opens to the left.
  document.addEventListener("toggle", ({ target }) => {
    const panel = target.matches?.("details.menu[open]") && target.querySelector(".menu-panel");
    if (!panel) return;
    panel.classList.remove("menu-end");
    panel.classList.toggle("menu-end", panel.getBoundingClientRect().right > document.documentElement.clientWidth);
  }, true);

  // After a refused form the reader begins at what is wrong.
  const autofocus = (root) => root.querySelector("[data-autofocus]")?.focus();
  autofocus(document);

  document.addEventListener("htmx:configRequest", ({ detail }) => {
    // Addresses are shared: leave out what is empty, unless that says something. A list begins anew at its first page.
    if (detail.verb !== "get") return;
    for (const name of new Set(Object.keys(detail.parameters))) {
      if (detail.elt.closest("form")?.elements[name]?.dataset?.keepEmpty !== undefined) continue;
      const values = [].concat(detail.parameters[name]).filter((value) => value !== "");
      if (!values.length) delete detail.parameters[name];
    }
  });
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const login = document.body.dataset.login;
    if (new URL(detail.xhr.responseURL || location.href, location.href).pathname === login) {
      // The session ended meanwhile: sign in on a page of its own, then come back here.
      detail.shouldSwap = false;
      location.assign(`${login}?next=${encodeURIComponent(location.pathname + location.search)}`);
    } else if ([400, 409, 422].includes(detail.xhr.status)) {
      // Refusals carry the form again, with the reason.
      detail.shouldSwap = true;
      detail.isError = false;
    }
  });
  document.addEventListener("htmx:beforeRequest", ({ detail }) => {
    complain("");
    detail.target?.setAttribute("aria-busy", "true");
  });
  document.addEventListener("htmx:afterRequest", ({ detail }) => detail.target?.removeAttribute("aria-busy"));
  document.addEventListener("htmx:sendError", () => complain(document.body.dataset.unreachable));
  document.addEventListener("htmx:responseError", () => complain(document.body.dataset.failed));
  document.addEventListener("htmx:afterSettle", ({ detail }) => {
    autofocus(detail.elt);
    // Whoever pressed something that is gone now would start again at the top of the page.
    if (document.activeElement === document.body) {
      const place = "[data-focus-after]";
      (detail.elt.matches(place) ? detail.elt : detail.elt.querySelector(place))?.focus();
    }
  });
  window.standing = { say, complain };
})();
