/* The boxes that select2 draws have no name of their own: they take that of the field they stand for. */
(() => {
  function named(select) {
    const label = select.labels && select.labels[0];
    return (label ? label.textContent : select.getAttribute("aria-label") || "").trim();
  }

  function give() {
    document.querySelectorAll("select.select2-hidden-accessible").forEach((select) => {
      const name = named(select);
      const drawn = select.nextElementSibling;
      if (!name || !drawn) return;
      drawn.querySelectorAll("[role=combobox], [role=searchbox], [role=textbox]").forEach((box) => box.setAttribute("aria-label", name));
    });
  }

  // After select2, which draws when jQuery says that the page is ready; that may be later than the page's own word.
  window.addEventListener("load", () => window.django && window.django.jQuery && window.django.jQuery(give));
  document.addEventListener("formset:added", () => setTimeout(give));
})();
