// @ts-check
// Modal dialogs on the dialog element, which keeps the focus inside, closes on Escape and restores the focus.
import { button, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";

let dialogCount = 0;

/**
 * Opens a modal dialog. It closes when the user leaves the page, and is removed once closed.
 * @param {{title: string, body: (Node | null)[], footer?: (close: () => void) => (Node | null)[], drawer?: boolean,
 *   wide?: number, must?: boolean, onclose?: () => void}} options `wide`: width in pixels; `must`: stays until what it
 *   asks for is done
 * @returns {() => void} closes the dialog
 */
export function openDialog({ title, body, footer, drawer = false, wide, must = false, onclose }) {
  const id = `dialog-${(dialogCount += 1)}`;
  const el = h(
    "dialog",
    { class: drawer ? "drawer" : null, "aria-labelledby": id, style: wide ? { "--wide": `${wide}px` } : {} },
    h(
      "header",
      null,
      h("h2", { id }, title),
      must ? null : button({ icon: "close", label: t("close"), bare: true, onclick: () => el.close() }),
    ),
    h("div", { class: "inside" }, ...body),
    footer ? h("footer", null, ...footer(() => el.close())) : null,
  );
  const close = () => el.close();
  el.addEventListener("close", () => {
    document.removeEventListener("route", close);
    el.remove();
    onclose?.();
  });
  el.addEventListener("click", (e) => {
    if (e.target === el && !must) el.close(); // the backdrop
  });
  if (must) el.addEventListener("cancel", (e) => e.preventDefault());
  else document.addEventListener("route", close);
  document.body.append(el);
  el.showModal();
  return close;
}

/**
 * Asks before an action that cannot be undone.
 * @param {{title: string, text: string, yes: string}} options
 * @returns {Promise<boolean>}
 */
export function confirmDialog({ title, text, yes }) {
  return new Promise((resolve) => {
    let answer = false;
    openDialog({
      title,
      wide: 420,
      body: [h("p", null, text)],
      footer: (close) => [
        button({ label: t("keep"), onclick: close }),
        button({
          label: yes,
          kind: "primary",
          onclick: () => {
            answer = true;
            close();
          },
        }),
      ],
      onclose: () => resolve(answer),
    });
  });
}
