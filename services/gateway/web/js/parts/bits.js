// @ts-check
// Small pieces that several pages share.
import { h, icon } from "../core/dom.js";
import { percent } from "../core/format.js";

/** A page with its title. @param {string} title @param {string} lead @param {...(Node | null)} children */
export const page = (title, lead, ...children) =>
  h(
    "div",
    { class: "page" },
    h("div", { class: "page-head" }, h("h1", null, title), lead ? h("p", null, lead) : null),
    ...children,
  );

/** A titled part of a page. @param {string} title @param {(Node | null)[]} actions @param {...(Node | null)} children */
export const section = (title, actions, ...children) =>
  h(
    "section",
    { class: "section" },
    h(
      "div",
      { class: "section-head" },
      h("h2", null, title),
      actions.length ? h("div", { class: "row wrap" }, ...actions) : null,
    ),
    ...children,
  );

/** A progress bar. @param {string} label @returns {{el: HTMLElement, set: (part: number | null) => void}} `null`: on its way, unknown how far */
export function bar(label) {
  const fill = h("i", null);
  const el = h(
    "div",
    { class: "bar waiting", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 },
    fill,
  );
  const set = (/** @type {number | null} */ part) => {
    el.classList.toggle("waiting", part === null);
    if (part === null) return el.removeAttribute("aria-valuenow");
    fill.style.setProperty("--part", percent(part));
    el.setAttribute("aria-valuenow", String(Math.round(part * 100)));
  };
  return { el, set };
}

let fields = 0;

/**
 * A labelled control. @param {string} label @param {HTMLElement} control @param {string | HTMLElement} [help]
 */
export function field(label, control, help) {
  control.id ||= `field-${(fields += 1)}`;
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
 * A native choice. @param {{value: string, label: string, disabled?: boolean}[]} options @param {string} value @param {(value: string) => void} onchange
 */
export function select(options, value, onchange) {
  const el = h(
    "select",
    { class: "input", on: { change: () => onchange(el.value) } },
    ...options.map((o) => h("option", { value: o.value, disabled: o.disabled }, o.label)),
  );
  el.value = options.some((o) => o.value === value && !o.disabled)
    ? value
    : (options.find((o) => !o.disabled)?.value ?? "");
  return el;
}

/**
 * Tabs by the pattern: arrows move, only the chosen one is in the tab order.
 * @param {string} label @param {{key: string, label: string, panel: HTMLElement}[]} tabs @param {string} chosen @param {(key: string) => void} onchange
 */
export function tabs(label, tabs, chosen, onchange) {
  const buttons = tabs.map(({ key, label: text }) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${key}`,
        "aria-controls": `panel-${key}`,
        on: { click: () => choose(key, true) },
      },
      text,
    ),
  );
  const strip = h(
    "div",
    { class: "segments", role: "tablist", "aria-label": label, on: { keydown: move } },
    ...buttons,
  );
  for (const { key, panel } of tabs) {
    panel.setAttribute("role", "tabpanel");
    panel.id = `panel-${key}`;
    panel.setAttribute("aria-labelledby", `tab-${key}`);
  }
  /** @param {KeyboardEvent} e */
  function move(e) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (!step) return;
    const at =
      (buttons.findIndex((b) => b.getAttribute("aria-selected") === "true") + step + tabs.length) % tabs.length;
    choose(tabs[at].key, true);
    buttons[at].focus();
  }
  /** @param {string} key @param {boolean} told */
  function choose(key, told) {
    tabs.forEach((tab, i) => {
      const on = tab.key === key;
      buttons[i].setAttribute("aria-selected", String(on));
      buttons[i].tabIndex = on ? 0 : -1;
      tab.panel.hidden = !on;
    });
    if (told) onchange(key);
  }
  choose(tabs.some((tab) => tab.key === chosen) ? chosen : tabs[0].key, false);
  return h("div", { class: "stack" }, strip, ...tabs.map((tab) => tab.panel));
}

/** A link that looks like a button. @param {{href: string, label: string, icon?: string, kind?: string, bare?: boolean, [attr: string]: any}} o */
export const linkButton = ({ href, label, icon: name, kind = "", bare = false, ...attrs }) =>
  h(
    "a",
    {
      href,
      class: `${bare ? "icon-button" : "button"} ${kind}`.trim(),
      "aria-label": bare ? label : null,
      title: bare ? label : null,
      ...attrs,
    },
    name ? icon(name) : null,
    bare ? null : label,
  );

/** A pill with a word in it. @param {string} text @param {string} [kind] "good", "warn", "bad" or "plain" */
export const pill = (text, kind = "") => h("span", { class: `pill ${kind}` }, text);
