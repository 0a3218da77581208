// @ts-check
// Form controls with labels.

import { h } from "../core/dom.js";

let fieldCount = 0;

/**
 * A labelled control.
 * @param {string} label
 * @param {HTMLElement} control
 * @param {string | HTMLElement} [help]
 */
export function field(label, control, help) {
  control.id ||= `field-${(fieldCount += 1)}`;
  const helpId = `${control.id}-help`;
  if (help) control.setAttribute("aria-describedby", helpId);
  return h(
    "div",
    { class: "field" },
    h("label", { for: control.id }, label),
    control,
    help ? h("p", { class: "help", id: helpId }, help) : null,
  );
}

/**
 * A native select. Selects the first enabled option when `value` is not available.
 * @param {{value: string, label: string, disabled?: boolean}[]} options
 * @param {string} value
 * @param {(value: string) => void} onchange
 */
export function select(options, value, onchange) {
  const el = h(
    "select",
    { class: "input", on: { change: () => onchange(el.value) } },
    ...options.map((o) => h("option", { value: o.value, disabled: o.disabled }, o.label)),
  );
  const enabled = options.filter((o) => !o.disabled);
  el.value = enabled.some((o) => o.value === value) ? value : (enabled[0]?.value ?? "");
  return el;
}
