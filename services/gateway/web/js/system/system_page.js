// @ts-check
// The System page: services, engines, devices and limits.

import { page, section } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { loadable } from "../components/loadable.js";
import { problemCard } from "../components/problem_card.js";
import { button, h } from "../core/dom.js";
import { formatBytes, formatNumber, formatSeconds, timeElement } from "../core/format.js";
import { fetchDevices, fetchEngines, fetchSystem, invalidate, watchSystem } from "../core/server_state.js";
import { t, term } from "../i18n/translate.js";
import { engineCard, restorerCard } from "./engine_card.js";
import { servicePill } from "./service_status.js";

/** @typedef {import("../core/types.js").Device} Device */
/** @typedef {import("../core/types.js").Engines} Engines */
/** @typedef {import("../core/types.js").System} System */

const SERVICES = ["asr", "llm", "tts", "render"];

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function systemPage({ signal }) {
  const state = loadable(() => fetchSystem(signal), overview, { skeletons: 5, height: 56 });
  watchSystem(signal, (now) => state.el.hasAttribute("aria-busy") || state.el.replaceChildren(overview(now)));
  const engines = loadable(fetchEngines, engineGroups, { skeletons: 4, height: 80 });
  const devices = loadable(fetchDevices, (all) => h("ul", { class: "stack" }, ...all.map(deviceCard)), {
    skeletons: 1,
    height: 64,
  });
  const reload = () => {
    invalidate("engines");
    invalidate("devices");
    for (const place of [state, engines, devices]) void place.reload();
  };
  const refresh = button({ icon: "refresh", label: t("refresh"), kind: "small", onclick: reload });
  return page(
    t("nav.system"),
    t("system.lead"),
    section(t("system.services"), [refresh], state.el),
    section(t("system.engines"), [], engines.el),
    section(t("system.devices"), [], devices.el),
    h(
      "p",
      { class: "row wrap small-text" },
      linkButton({ href: "/docs", label: t("system.api"), kind: "quiet small" }),
      linkButton({ href: "/metrics", label: t("system.metrics"), kind: "quiet small" }),
    ),
  );
}

/** The engines of each service, or why they are unknown. @param {Engines} engines */
function engineGroups({ items, unreachable, restorer }) {
  const group = (/** @type {string} */ service) => {
    const down = unreachable.find((u) => u.service === service);
    const cards = items.filter((e) => e.service === service).map(engineCard);
    if (service === "render" && restorer) cards.push(restorerCard(restorer));
    const content = down ? problemCard(down.problem, { alert: false }) : h("ul", { class: "grid engines" }, ...cards);
    return h("div", { class: "stack" }, h("h3", null, t(`service.${service}`)), content);
  };
  return h("div", { class: "stack loose" }, ...SERVICES.map(group));
}

/** @param {Device} device */
function deviceCard({ name, device, memory_bytes, used_bytes }) {
  const memory = () => t("system.memory", { used: formatBytes(used_bytes), all: formatBytes(memory_bytes) });
  return h(
    "li",
    { class: "card" },
    h("div", { class: "row apart" }, h("strong", null, name), h("code", { class: "mono" }, device)),
    memory_bytes ? usageMeter(used_bytes, memory_bytes, memory()) : null,
  );
}

/** @param {number} used @param {number} total @param {string} text */
function usageMeter(used, total, text) {
  const part = h("i", null);
  part.style.setProperty("--part", `${(100 * used) / total}%`);
  return h(
    "div",
    { class: "stack tight" },
    h("div", { class: "bar calm", "aria-hidden": "true" }, part),
    h("span", { class: "small-text muted num" }, text),
  );
}

/** @param {System} system */
const overview = (system) =>
  h(
    "div",
    { class: "stack" },
    h("ul", { class: "card service-list" }, ...system.services.map(serviceRow)),
    h("div", { class: "grid facts-cards" }, limitsCard(system), queuesCard(system), diskCard(system)),
  );

/** @param {import("../core/types.js").ServiceState} service */
const serviceRow = (service) =>
  h(
    "li",
    { class: "service" },
    h("strong", null, t(`service.${service.service}`)),
    h("span", { class: "small-text muted grow" }, service.why || t(`service.${service.service}.does`)),
    h("code", { class: "mono muted" }, service.address),
    h("span", { class: "small-text muted since" }, service.since ? timeElement(service.since) : ""),
    servicePill(service),
  );

/** @param {string[][]} rows names and values */
const factsList = (rows) =>
  h("dl", { class: "facts-list num" }, ...rows.flatMap(([k, v]) => [h("dt", null, k), h("dd", null, v)]));

/** @param {System} system */
function limitsCard({ limits }) {
  const rows = [
    [t("limit.upload"), formatBytes(limits.upload_bytes)],
    [t("limit.audio"), formatSeconds(limits.audio_s)],
    [t("limit.video"), formatSeconds(limits.video_s)],
    [t("limit.text"), t("system.chars", { n: formatNumber(limits.text_chars) })],
    [t("limit.side"), `${formatNumber(limits.picture_side_px)} px`],
    [t("limit.queued"), formatNumber(limits.queued_jobs)],
  ];
  return h("div", { class: "card" }, h("h3", null, t("system.limits")), factsList(rows));
}

/** @param {System} system */
function queuesCard({ queues }) {
  const rows = queues.map(({ queue, running, concurrency, waiting }) => [
    term("queue", queue),
    t("queue.state", { running, of: concurrency, waiting }),
  ]);
  return h("div", { class: "card" }, h("h3", null, t("system.queues")), factsList(rows));
}

/** @param {System} system */
function diskCard({ disk, version, accounts }) {
  const { free_bytes, total_bytes } = disk;
  const text = t("system.free", { free: formatBytes(free_bytes), all: formatBytes(total_bytes) });
  return h(
    "div",
    { class: "card" },
    h("h3", null, t("system.disk")),
    usageMeter(total_bytes - free_bytes, total_bytes, text),
    h("h3", null, t("system.version")),
    h("p", { class: "mono" }, version),
    h("p", { class: "small-text muted" }, t(accounts ? "system.accounts" : "system.local")),
  );
}
