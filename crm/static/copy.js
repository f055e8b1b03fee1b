// Buttons that copy a text: shown only here, because without scripts they could do nothing.
(() => {
  const show = (root) => root.querySelectorAll("[data-copy][hidden]").forEach((button) => { button.hidden = false; });
  show(document);
  document.addEventListener("htmx:afterSettle", ({ detail }) => show(detail.elt));
  document.addEventListener("focusin", ({ target }) => { if (target.matches("textarea[data-select]")) target.select(); });
  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-copy]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(text.value);
    } catch {
      // Not over plain http: then as people do it.
      text.select();
      document.execCommand("copy");
      button.focus();
    }
    window.standing.say(button.dataset.copied);
  });
})();
