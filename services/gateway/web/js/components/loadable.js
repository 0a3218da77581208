// @ts-check
// A place whose content is loaded.
import { problemOf } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { isAbort, problemCard } from "./problem_card.js";

/** @typedef {{el: HTMLElement, reload: () => Promise<void>}} Loadable */

/**
 * Shows skeletons, then what `draw` returns, or the problem with a retry button.
 * @template T
 * @param {() => Promise<T>} load @param {(data: T) => Node | (Node | null)[]} draw
 * @param {{class?: string, skeletons?: number, height?: number}} [options]
 * @returns {Loadable}
 */
export function loadable(load, draw, { class: name = "stack", skeletons = 3, height = 64 } = {}) {
  const el = h("div", { class: name, "aria-busy": "true" });
  const blanks = () =>
    Array.from({ length: skeletons }, () =>
      h("div", { class: "skeleton", "aria-hidden": "true", style: { height: `${height}px` } }),
    );
  let newest = 0;
  const reload = async () => {
    const mine = ++newest; // of two loads at once the later one counts, whichever is answered first
    el.setAttribute("aria-busy", "true");
    try {
      const data = await load();
      if (mine !== newest) return;
      const made = draw(data);
      fill(el, ...(Array.isArray(made) ? made : [made]));
    } catch (error) {
      if (isAbort(error) || mine !== newest) return;
      const again = () => {
        fill(el, ...blanks());
        void reload();
      };
      fill(el, problemCard(error, { retry: again }));
      if (problemOf(error).reason === "sign-in-needed")
        document.addEventListener("signed-in", () => el.isConnected && again(), { once: true });
    }
    el.removeAttribute("aria-busy");
  };
  fill(el, ...blanks());
  void reload();
  return { el, reload };
}
