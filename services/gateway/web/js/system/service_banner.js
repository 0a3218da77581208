// @ts-check
// The banner above the page while a service or the connection is down.
import { fill, h, icon } from "../core/dom.js";
import { latestSystem } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import * as jobs from "../jobs/job_store.js";

/** Shows what is down, or nothing. @param {HTMLElement} place */
export function drawServiceBanner(place) {
  if (!jobs.isOnline()) return fill(place, banner("offline", t("banner.offline")));
  const off = latestSystem()?.services.filter((s) => s.status !== "serving") ?? [];
  if (!off.length) return fill(place);
  const parts = off.map((s) =>
    t(s.status === "loading" ? "banner.loading" : "banner.down", {
      service: t(`service.${s.service}`),
      rest: t(`banner.rest.${s.service}`),
    }),
  );
  fill(place, banner("alert", parts.join(" ")));
}

/** @param {string} name @param {string} text */
const banner = (name, text) => h("div", { class: "banner" }, icon(name), h("p", null, text));
