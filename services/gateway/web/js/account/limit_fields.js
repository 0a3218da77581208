// @ts-check
// Limits as number fields; an empty one is as the installation has it.
import { field } from "../components/form.js";
import { h } from "../core/dom.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/account_types.js").Amounts} Amounts */

const LIMITS = ["minutes_per_day", "stored_mb", "queued_jobs", "live_sessions", "requests_per_minute"];

/**
 * @param {Amounts | null} most what each may be at most, 0 for no limit; `null`: anything, and 0 for no limit
 * @param {Amounts} own what is set already
 */
export function limitFields(most, own) {
  const fields = LIMITS.map((name) => {
    const top = most?.[name] || null;
    const range = { min: most ? 1 : 0, max: top, step: name === "stored_mb" || name === "minutes_per_day" ? "any" : 1 };
    const input = h("input", {
      class: "input num",
      type: "number",
      inputmode: "decimal",
      value: own[name] ?? "",
      ...range,
    });
    const help = top ? t("limits.most", { n: top }) : most ? "" : t("limits.none");
    return { name, input, el: field(t(`quota.${name}.unit`), input, help) };
  });
  return {
    elements: [
      h("p", { class: "small-text muted" }, t("limits.empty")),
      h("div", { class: "grid" }, ...fields.map((f) => f.el)),
    ],
    /** @returns {Amounts} */
    values: () =>
      Object.fromEntries(fields.filter((f) => f.input.value !== "").map((f) => [f.name, Number(f.input.value)])),
  };
}
