// Says what is wrong beside a field as soon as it is left, by the same rules that judge the form when it is
// saved. A field that nobody has written in yet is not complained of.
(() => {
  "use strict";
  const PAUSE = 350; // milliseconds after the last change
  const SHOWN = "live-error";

  function start() {
    const form = document.querySelector("#content form[method=post][id$=_form]");
    const page = window.location.pathname;
    if (!form || !/\/(add|change)\/$/.test(page)) return;
    const adding = page.endsWith("/add/");
    const touched = new Set();
    let waiting = null;
    let asking = null;

    // A field of select2 hides its element: what is said stands below its visible box.
    function place(field) {
      return field.closest(".flex.flex-col, td, .form-row, .field-line") || field.parentElement;
    }

    function clear() {
      form.querySelectorAll("." + SHOWN).forEach((old) => old.remove());
      form.querySelectorAll("[data-live-invalid]").forEach((field) => {
        field.removeAttribute("data-live-invalid");
        field.removeAttribute("aria-invalid");
        field.removeAttribute("aria-errormessage");
      });
    }

    function show(errors) {
      clear();
      for (const [name, error] of Object.entries(errors)) {
        const field = form.querySelector(`[name="${CSS.escape(name)}"]`);
        if (!field || field.type === "hidden") continue;
        if (!touched.has(name) && (error.missing || (adding && field.tagName === "SELECT"))) continue;
        const box = place(field);
        // What the server said when the form was saved is replaced, not repeated.
        box.querySelectorAll(".text-red-600.text-xs").forEach((old) => old.remove());
        const said = document.createElement("p");
        said.className = SHOWN;
        said.id = `${field.id}-live`;
        said.setAttribute("role", "status");
        said.textContent = error.message;
        box.append(said);
        field.setAttribute("data-live-invalid", "");
        field.setAttribute("aria-invalid", "true");
        field.setAttribute("aria-errormessage", said.id);
      }
    }

    async function ask() {
      if (asking) asking.abort();
      const mine = (asking = new AbortController());
      try {
        const answer = await fetch(`${page}check/`, {
          method: "POST",
          body: new FormData(form),
          credentials: "same-origin",
          headers: { Accept: "application/json" },
          signal: mine.signal,
        });
        if (answer.ok && !mine.signal.aborted) show((await answer.json()).errors);
      } catch {
        // Overtaken by a later question, or without a connection: saving says it.
      }
    }

    function changed(event) {
      const name = event.target && event.target.name;
      if (!name) return;
      touched.add(name);
      window.clearTimeout(waiting);
      waiting = window.setTimeout(ask, PAUSE);
    }

    form.addEventListener("change", changed);
    form.addEventListener("submit", () => {
      window.clearTimeout(waiting);
      if (asking) asking.abort();
    });
    // select2 tells jQuery's listeners only.
    if (window.django && window.django.jQuery) {
      window.django.jQuery(form).on("select2:select select2:unselect", "select", changed);
    }
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
