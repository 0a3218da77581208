// @ts-check
// Windows over the page, on the dialog element: focus is kept inside, Escape closes, focus returns.
import { button, h } from "../core/dom.js";
import { t } from "../core/i18n.js";

let count = 0;

/**
 * Opens a modal window. It is gone when closed, and when the page is left.
 * @param {{title: string, body: (Node | null)[], footer?: (close: () => void) => (Node | null)[], drawer?: boolean, wide?: number, onclose?: () => void}} o
 * @returns {() => void} closes it
 */
export function openDialog({ title, body, footer, drawer = false, wide, onclose }) {
  const id = `dialog-${(count += 1)}`;
  const el = h(
    "dialog",
    { class: drawer ? "drawer" : null, "aria-labelledby": id, style: wide ? { "--wide": `${wide}px` } : {} },
    h(
      "header",
      null,
      h("h2", { id }, title),
      button({ icon: "close", label: t("close"), bare: true, onclick: () => el.close() }),
    ),
    h("div", { class: "inside" }, ...body),
    footer ? h("footer", null, ...footer(() => el.close())) : null,
  );
  const gone = () => el.close();
  el.addEventListener("close", () => {
    document.removeEventListener("route", gone);
    el.remove();
    onclose?.();
  });
  el.addEventListener("click", (e) => {
    if (e.target === el) el.close(); // the backdrop
  });
  document.addEventListener("route", gone);
  document.body.append(el);
  el.showModal();
  return gone;
}

/**
 * Asks before something that cannot be undone. @param {{title: string, text: string, yes: string}} o
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
