// @ts-check
// A short path of steps, of which one is the current one.
import { h } from "../core/dom.js";

/**
 * @param {string} label @param {{key: string, title: string, text: string}[]} steps
 * @returns {{el: HTMLElement, setStep: (key: string) => void}}
 */
export function stepPath(label, steps) {
  const keys = steps.map(({ key }) => key);
  const items = steps.map(({ title, text }, i) =>
    h(
      "li",
      null,
      h("span", { class: "path-number num", "aria-hidden": "true" }, i + 1),
      h(
        "span",
        { class: "stack tight no-gap" },
        h("strong", null, title),
        h("span", { class: "small-text muted" }, text),
      ),
    ),
  );
  const setStep = (/** @type {string} */ key) =>
    items.forEach((item, i) => {
      item.classList.toggle("done", i < keys.indexOf(key));
      if (keys[i] === key) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    });
  setStep(keys[0]);
  return { el: h("ol", { class: "path", "aria-label": label }, ...items), setStep };
}
