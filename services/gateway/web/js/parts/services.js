// @ts-check
// Whether each service runs, in words.
import { h } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { pill } from "./bits.js";

/** @typedef {import("../core/types.js").ServiceState} ServiceState */

const KIND = { serving: "good", loading: "warn", down: "bad" };

/** @param {ServiceState} s */
export const servicePill = (s) => pill(t(`health.${s.status}`), KIND[s.status]);

/** All services in one line; what is wrong is said below it. @param {import("../core/types.js").System} now */
export function serviceStrip(now) {
  const off = now.services.filter((s) => s.status !== "serving");
  return h(
    "div",
    { class: "stack" },
    h(
      "ul",
      { class: "services" },
      ...now.services.map((s) => h("li", { class: "row" }, h("span", null, t(`service.${s.service}`)), servicePill(s))),
    ),
    ...off.map((s) =>
      h(
        "p",
        { class: "small-text muted" },
        t("health.why", { service: t(`service.${s.service}`), why: s.why, rest: t(`banner.rest.${s.service}`) }),
      ),
    ),
  );
}
