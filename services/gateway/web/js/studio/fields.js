// @ts-check
// Controls of the studio: a choice of few, a slider, a switch.
import { field } from "../components/form.js";
import { h } from "../core/dom.js";

/**
 * A choice of few, as buttons of which one is pressed.
 * @template {string} T
 * @param {string} label @param {{value: T, label: string, picture?: Node | null}[]} options @param {T} value
 * @param {(value: T) => void} onchange
 */
export function choices(label, options, value, onchange) {
  const buttons = options.map((option) =>
    h("button", { type: "button", on: { click: () => pick(option.value) } }, option.picture ?? null, option.label),
  );
  const show = (/** @type {T} */ chosen) =>
    options.forEach((option, i) => buttons[i].setAttribute("aria-pressed", String(option.value === chosen)));
  const pick = (/** @type {T} */ chosen) => {
    show(chosen);
    onchange(chosen);
  };
  show(value);
  const name = h("span", { class: "label" }, label);
  const group = h("div", { class: "segments", role: "group", "aria-label": label }, ...buttons);
  return h("div", { class: "field" }, name, group);
}

/**
 * A slider with its value in words.
 * @param {string} label
 * @param {{min: number, max: number, step: number, value: number, words: (value: number) => string,
 *   onchange: (value: number) => void}} options
 */
export function slider(label, { min, max, step, value, words, onchange }) {
  const said = h("output", { class: "num small-text muted" }, words(value));
  const input = () => {
    const now = Number(control.value);
    said.textContent = words(now);
    control.setAttribute("aria-valuetext", words(now));
    onchange(now);
  };
  const attrs = { type: "range", class: "slider", min, max, step, "aria-valuetext": words(value) };
  const control = h("input", { ...attrs, on: { input } });
  control.value = String(value);
  const el = field(label, control);
  const name = el.querySelector("label");
  if (name) el.prepend(h("div", { class: "row apart" }, name, said));
  return el;
}

/** @param {string} label @param {boolean} value @param {(value: boolean) => void} onchange */
export function checkbox(label, value, onchange) {
  const control = h("input", { type: "checkbox", checked: value, on: { change: () => onchange(control.checked) } });
  return h("label", { class: "check" }, control, label);
}

/**
 * A number with its unit.
 * @param {string} label
 * @param {{min: number, max: number, step: number, value: number, onchange: (n: number) => void}} options
 */
export function numberField(label, { min, max, step, value, onchange }) {
  const change = () => {
    const given = Number(control.value);
    const wrong = control.value === "" || Number.isNaN(given);
    const steps = Math.round((Math.min(Math.max(given, min), max) - min) / step);
    const now = wrong ? value : Number((min + steps * step).toFixed(3));
    control.value = String(now);
    onchange(now);
  };
  const attrs = { type: "number", class: "input num", min, max, step, inputmode: "decimal" };
  const control = h("input", { ...attrs, on: { change } });
  control.value = String(value);
  return field(label, control);
}

/** A colour. @param {string} label @param {string} value #rrggbb @param {(colour: string) => void} onchange */
export function colourField(label, value, onchange) {
  const control = h("input", { type: "color", class: "input colour", on: { input: () => onchange(control.value) } });
  control.value = value;
  return field(label, control);
}
