// @ts-check
// A failure as the page shows it.
import { problemOf } from "../core/api.js";
import { button, h, icon } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { copyText } from "./announcements.js";

/** @typedef {import("../core/types.js").ProblemBody} ProblemBody */

/**
 * What failed, why, what to do, and the request id for the operator.
 * @param {unknown} error what was thrown, or a problem of the API
 * @param {{retry?: () => void, alert?: boolean}} [options] `retry` is offered only for what may go better again
 */
export function problemCard(error, { retry, alert = true } = {}) {
  /** @type {ProblemBody} */
  const body = isBody(error) ? error : problemOf(error);
  const id = body.request_id;
  const all = [body.title, body.detail, body.hint, `reason: ${body.reason}`, id ? `request_id: ${id}` : ""]
    .filter(Boolean)
    .join("\n");
  const helps = retry && body.retryable !== false; // "only silence" stays silent however often it is tried
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
        button({ icon: "copy", label: t("problem.copy"), kind: "small quiet", onclick: () => copyText(all) }),
        helps ? button({ icon: "refresh", label: t("retry"), kind: "small", onclick: retry }) : null,
      ),
    ),
  );
}

/** @param {any} error @returns {error is ProblemBody} */
const isBody = (error) => !(error instanceof Error) && typeof error?.title === "string" && "reason" in error;

/** Whether `error` says that a request was aborted. @param {unknown} error */
export const isAbort = (error) => error instanceof DOMException && error.name === "AbortError";
