// @ts-check
// Functions that build DOM elements.

/** @typedef {Node | string | number | null | undefined | false} Child */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Creates an element. `on` holds event handlers. `style` holds CSS properties, set through the object model as the
 * content security policy requires. Other keys are attributes: `true` is an empty attribute, and `false`, `null` and
 * `undefined` are none.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any> | null} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props, ...children) {
  const el = document.createElement(tag);
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") for (const [name, handler] of Object.entries(value)) el.addEventListener(name, handler);
    else if (key === "style") for (const [name, v] of Object.entries(value)) el.style.setProperty(name, String(v));
    else if (key === "value" || key === "checked" || key === "muted") /** @type {any} */ (el)[key] = value;
    else el.setAttribute(key, value === true ? "" : String(value));
  }
  el.append(...toNodes(children));
  return el;
}

/** @param {(Child | Child[])[]} children @returns {(Node | string)[]} */
function toNodes(children) {
  return children
    .flat()
    .flatMap((c) => (c === null || c === undefined || c === false ? [] : [typeof c === "number" ? String(c) : c]));
}

/** Replaces the children of `el`. @param {Element} el @param {...(Child | Child[])} children */
export function fill(el, ...children) {
  el.replaceChildren(...toNodes(children));
}

/**
 * Sets the text of `el` only when it differs, so that live regions do not repeat it.
 * @param {Element} el
 * @param {string} text
 */
export function setText(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

/**
 * An icon of the sprite in index.html. It is decoration: the button around it needs its own accessible name.
 * @param {string} name @param {string} [size] "small" or "large"
 */
export function icon(name, size = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon ${size}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** The seal of the brand. */
export function seal() {
  const svg = icon("seal");
  svg.setAttribute("class", "seal");
  return svg;
}

/**
 * Scrolls as far as needed to show all of `el`, or its start where it is taller than the screen. The space that the
 * header and the tab bar cover is `scroll-margin` in layout.css.
 * @param {Element} el
 */
export function reveal(el) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const style = getComputedStyle(el);
  const covered = parseFloat(style.scrollMarginTop) + parseFloat(style.scrollMarginBottom);
  const block = el.getBoundingClientRect().height + covered <= innerHeight ? "nearest" : "start";
  el.scrollIntoView({ block, behavior: calm ? "auto" : "smooth" });
}

/** A progress ring. @returns {{el: SVGElement, set: (part: number) => void}} */
export function ring() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "ring");
  svg.setAttribute("viewBox", "0 0 36 36");
  svg.setAttribute("aria-hidden", "true");
  const length = 2 * Math.PI * 16;
  const circles = ["", "done"].map((name) => {
    const c = document.createElementNS(SVG, "circle");
    for (const [k, v] of [
      ["cx", 18],
      ["cy", 18],
      ["r", 16],
    ])
      c.setAttribute(String(k), String(v));
    if (name) c.setAttribute("class", name);
    return c;
  });
  circles[1].style.setProperty("stroke-dasharray", String(length));
  svg.append(...circles);
  const set = (/** @type {number} */ part) =>
    circles[1].style.setProperty("stroke-dashoffset", String(length * (1 - part)));
  set(0);
  return { el: svg, set };
}

/**
 * A button with an icon. `bare` shows the icon alone, with the label as its accessible name and tooltip.
 * @param {{icon?: string, label: string, bare?: boolean, kind?: string, onclick?: (e: Event) => void,
 *   [attr: string]: any}} options
 */
export function button({ icon: name, label, bare = false, kind = "", onclick, ...attrs }) {
  return h(
    "button",
    {
      type: "button",
      class: `${bare ? "icon-button" : "button"} ${kind}`.trim(),
      "aria-label": bare ? label : null,
      title: bare ? label : null,
      on: onclick ? { click: onclick } : {},
      ...attrs,
    },
    name ? icon(name) : null,
    bare ? null : label,
  );
}
