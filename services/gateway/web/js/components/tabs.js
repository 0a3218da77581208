// @ts-check
// Tabs.
import { h } from "../core/dom.js";

/**
 * Tabs by the ARIA pattern: arrow keys move, and only the selected tab is in the tab order.
 * @param {string} label
 * @param {{key: string, label: string, panel: HTMLElement}[]} tabs
 * @param {string} chosen
 * @param {(key: string) => void} onchange
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
  /** @param {string} key @param {boolean} notify */
  function choose(key, notify) {
    tabs.forEach((tab, i) => {
      const on = tab.key === key;
      buttons[i].setAttribute("aria-selected", String(on));
      buttons[i].tabIndex = on ? 0 : -1;
      tab.panel.hidden = !on;
    });
    if (notify) onchange(key);
  }
  choose(tabs.some((tab) => tab.key === chosen) ? chosen : tabs[0].key, false);
  return h("div", { class: "stack" }, strip, ...tabs.map((tab) => tab.panel));
}
