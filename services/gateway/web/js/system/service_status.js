// @ts-check
// The state of the services.
import { pill } from "../components/layout.js";
import { h } from "../core/dom.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/types.js").ServiceState} ServiceState */

const PILL_KINDS = { serving: "good", loading: "warn", down: "bad" };

/** @param {ServiceState} s */
export const servicePill = (s) => pill(t(`health.${s.status}`), PILL_KINDS[s.status]);

/** All services in one line, and below it what is wrong. @param {import("../core/types.js").System} now */
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
