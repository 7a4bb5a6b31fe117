// The text area behind a control: hidden while the control is used, shown on demand, never out of step.

import { button, el } from "./page.js";

/** Put `control` in place of `field`. `take(text)` loads the text into the control, or throws. */
export function inPlaceOf(field, control, bar, { what, take }) {
  const toggle = button(`Edit ${what} as text`, () => flip(), { icon: "code", text: "As text", "aria-pressed": "false" });
  const complaint = el("p", { class: "problem", hidden: true, role: "alert" });
  bar.append(toggle);
  field.before(control, complaint);
  const label = document.querySelector(`label[for="${field.id}"]`);
  let shown = false;

  function show(text) {
    shown = text;
    field.hidden = !text;
    field.classList.toggle("behind", !text);
    toggle.setAttribute("aria-pressed", String(text));
    control.classList.toggle("as-text", text);
    if (label) label.htmlFor = text ? field.id : "";
  }

  function flip() {
    show(!shown);
    if (shown) field.focus();
  }

  field.addEventListener("input", () => {
    try {
      take(field.value);
      complaint.hidden = true;
    } catch {
      complaint.textContent = "This text cannot be shown as a form yet.";
      complaint.hidden = false;
    }
  });
  try {
    take(field.value, true);
    show(false);
  } catch {
    show(true);
  }
}

/** JSON of a text area; empty is null. */
export const parsed = (text) => (text.trim() ? JSON.parse(text) : null);

/** Write into a text area, so that the form knows that it changed. */
export function put(field, value) {
  field.value = value === null ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2);
  field.dispatchEvent(new Event("change", { bubbles: true }));
}
