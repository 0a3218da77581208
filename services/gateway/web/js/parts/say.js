// @ts-check
// Telling people things: live region, toasts, problems, states of loading.
import { problemOf } from "../core/api.js";
import { button, fill, h, icon } from "../core/dom.js";
import { t } from "../core/i18n.js";

/** @typedef {import("../core/types.js").ProblemBody} ProblemBody */

const TOAST_MS = 4000;
const live = h("div", { class: "sr", role: "status", "aria-live": "polite" });
const toasts = h("div", { class: "toasts", "aria-hidden": "true" });

/** The live region and the place for toasts; put once into the page. */
export const voices = () => [live, toasts];

/** Says something to people who listen to the page. @param {string} text */
export function announce(text) {
  live.textContent = "";
  requestAnimationFrame(() => (live.textContent = text));
}

/** Shows a short note and announces it. @param {string} text */
export function toast(text) {
  const el = h("div", { class: "toast" }, text);
  toasts.append(el);
  announce(text);
  setTimeout(() => el.remove(), TOAST_MS);
}

/** @param {string} text */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("copied"));
  } catch {
    prompt(t("copy.by_hand"), text); // no clipboard outside secure contexts
  }
}

/**
 * A failure: what happened, why, the one thing to do, and the number to give to the operator.
 * @param {unknown} error a thrown thing, or a problem
 * @param {{retry?: () => void, alert?: boolean}} [options]
 */
export function problemCard(error, { retry, alert = true } = {}) {
  /** @type {ProblemBody} */
  const body = isBody(error) ? error : problemOf(error);
  const id = body.request_id;
  const all = [body.title, body.detail, body.hint, `reason: ${body.reason}`, id ? `request_id: ${id}` : ""]
    .filter(Boolean)
    .join("\n");
  return h(
    "div",
    { class: "problem", role: alert ? "alert" : null, "data-reason": body.reason },
    icon(body.reason === "cancelled" ? "info" : "alert"),
    h(
      "div",
      { class: "stack tight" },
      h("p", { class: "what" }, body.title),
      body.detail ? h("p", null, body.detail) : null,
      body.hint ? h("p", { class: "hint" }, body.hint) : null,
      h(
        "div",
        { class: "trace" },
        id ? h("span", null, t("problem.request"), " ", h("code", { class: "mono" }, id)) : null,
        button({ icon: "copy", label: t("problem.copy"), kind: "small quiet", onclick: () => copy(all) }),
        retry ? button({ icon: "refresh", label: t("retry"), kind: "small", onclick: retry }) : null,
      ),
    ),
  );
}

/** @param {any} error @returns {error is ProblemBody} */
const isBody = (error) => !(error instanceof Error) && typeof error?.title === "string" && "reason" in error;

/** @param {unknown} error */
export const isAbort = (error) => error instanceof DOMException && error.name === "AbortError";

/**
 * A place that loads: skeletons first, then what `draw` makes, or the problem with a way to try again.
 * @template T
 * @param {() => Promise<T>} load @param {(data: T) => Node | (Node | null)[]} draw
 * @param {{class?: string, skeletons?: number, height?: number}} [look]
 * @returns {{el: HTMLElement, reload: () => Promise<void>}}
 */
export function loaded(load, draw, { class: name = "stack", skeletons = 3, height = 64 } = {}) {
  const el = h("div", { class: name, "aria-busy": "true" });
  const blanks = () =>
    Array.from({ length: skeletons }, () =>
      h("div", { class: "skeleton", "aria-hidden": "true", style: { height: `${height}px` } }),
    );
  const reload = async () => {
    el.setAttribute("aria-busy", "true");
    try {
      const made = draw(await load());
      fill(el, ...(Array.isArray(made) ? made : [made]));
    } catch (error) {
      if (isAbort(error)) return;
      const again = () => {
        fill(el, ...blanks());
        void reload();
      };
      fill(el, problemCard(error, { retry: again }));
    }
    el.removeAttribute("aria-busy");
  };
  fill(el, ...blanks());
  void reload();
  return { el, reload };
}

/** An empty state with its next step. @param {string} name icon @param {string} text @param {Node | null} [next] */
export const empty = (name, text, next = null) =>
  h("div", { class: "empty" }, icon(name, "large"), h("p", null, text), next);

/** @param {string} text @param {{kind?: string, icon?: string}} [o] */
export const note = (text, { kind = "", icon: name = "info" } = {}) =>
  h("div", { class: `note ${kind}` }, icon(name), h("p", null, text));
