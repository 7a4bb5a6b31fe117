// Keys of the review page, the photo's zoom and heat map. Nothing here is needed to send a review.
(() => {
  const page = document.querySelector("[data-review]");
  if (!page) return;
  const form = page.querySelector("[data-judge]");
  const sights = [...page.querySelectorAll("[data-sight]")];
  const zoomButton = page.querySelector("[data-zoom]");
  const heat = [...page.querySelectorAll("[data-heat]")];
  const heatButton = page.querySelector("[data-heat-button]");

  const showRight = (field) => {
    const right = field.querySelector("[data-right]");
    if (!right) return;
    const chosen = field.querySelector("input:checked");
    const needed = chosen !== null && chosen.value === "disagree";
    right.hidden = !needed;
    right.querySelector("select").required = needed;
  };
  const fields = form ? [...form.querySelectorAll("[data-question]")] : [];
  fields.forEach((field) => {
    showRight(field);
    field.addEventListener("change", () => showRight(field));
  });

  const turn = (field) => {
    const radios = [...field.querySelectorAll("input[type=radio]")];
    const next = radios[(radios.findIndex((each) => each.checked) + 1) % radios.length];
    next.checked = true;
    next.focus();
    showRight(field);
  };

  const zoom = () => {
    if (!sights.length) return;
    const large = !sights[0].classList.contains("large");
    sights.forEach((each) => {
      each.classList.toggle("large", large);
      each.scrollLeft = (each.scrollWidth - each.clientWidth) / 2;
      each.scrollTop = (each.scrollHeight - each.clientHeight) / 2;
    });
    zoomButton.setAttribute("aria-pressed", String(large));
  };
  const toggleHeat = () => {
    if (!heat.length) return;
    const shown = heat[0].hidden;
    heat.forEach((each) => { each.hidden = !shown; });
    heatButton.setAttribute("aria-pressed", String(shown));
  };
  zoomButton?.addEventListener("click", zoom);
  heatButton?.addEventListener("click", toggleHeat);
  sights.forEach((each) => each.addEventListener("dblclick", zoom));

  const keys = {
    a: () => fields.forEach((field) => {
      field.querySelector("input[value=agree]").checked = true;
      showRight(field);
    }),
    c: () => form?.querySelector("#comment").focus(),
    h: toggleHeat,
    n: () => page.querySelector("[data-skip]")?.click(),
    z: zoom,
  };
  fields.forEach((field) => { keys[field.dataset.key] = () => turn(field); });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("textarea, select, input:not([type=radio])");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form) {
      event.preventDefault();
      form.requestSubmit();
    } else if (event.key === "Escape" && typing) {
      typing.blur();
    } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  });
})();
