// Search boxes for contacts (select[data-contact-picker]) and the rows of a deal's contacts. Both work without this.
(() => {
  const option = (item, escape) => {
    const detail = item.detail ? `<span class="text-soft">${escape(item.detail)}</span>` : "";
    return `<div><span>${escape(item.name)}</span> ${detail}</div>`;
  };

  const enhance = (select) => {
    const { optionsUrl, kind, act, placeholder, nobody, clear } = select.dataset;
    // The search box takes over the label; the select behind it is for the form alone.
    select.setAttribute("aria-hidden", "true");
    new TomSelect(select, {
      valueField: "id", labelField: "name", searchField: [], sortField: [{ field: "$order" }],
      placeholder, maxOptions: 20, loadThrottle: 150, allowEmptyOption: false, closeAfterSelect: true,
      selectOnTab: true, plugins: { clear_button: { title: clear } },
      shouldLoad: (text) => text.trim().length > 1,
      score: () => () => 1,
      load(text, done) {
        const query = new URLSearchParams({ q: text, ...(kind && { kind }), ...(act && { act }) });
        this.clearOptions();
        fetch(`${optionsUrl}?${query}`, { headers: { Accept: "application/json" } })
          .then((response) => (response.ok ? response.json() : Promise.reject(response)))
          .then(({ results }) => {
            done(results);
            window.standing?.say(results.length ? `${results.length}` : nobody);
          })
          .catch(() => {
            done();
            window.standing?.complain(document.body.dataset.unreachable);
          });
      },
      render: {
        option,
        item: (item, escape) => `<div>${escape(item.name ?? item.text)}</div>`,
        no_results: (_data, escape) => `<div class="no-results">${escape(nobody)}</div>`,
      },
    });
  };
  const enhanceAll = (root) => root.querySelectorAll("select[data-contact-picker]").forEach((select) => {
    if (!select.tomselect) enhance(select);
  });
  enhanceAll(document);
  document.addEventListener("htmx:afterSettle", ({ detail }) => enhanceAll(detail.elt));

  // One more row of contacts, without asking the server for the page.
  document.querySelector("[data-add-row]")?.addEventListener("click", (event) => {
    const total = document.querySelector("[name$=rows-TOTAL_FORMS]");
    const template = document.getElementById("empty-row");
    if (!total || !template) return;
    event.preventDefault();
    const holder = document.createElement("div");
    holder.innerHTML = template.innerHTML.replaceAll("__prefix__", total.value);
    const row = holder.firstElementChild;
    document.querySelector("[data-rows]").append(row);
    total.value = Number(total.value) + 1;
    enhanceAll(row);
    row.querySelector("select[data-contact-picker]").tomselect.focus();
  });
})();
