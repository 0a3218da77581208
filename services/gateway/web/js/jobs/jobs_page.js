// @ts-check
// The Jobs page: everything that was requested, newest first.
import { emptyState, page } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { loadable } from "../components/loadable.js";
import { button, fill, h } from "../core/dom.js";
import { setQuery } from "../core/router.js";
import { t } from "../i18n/translate.js";
import { jobRow } from "./job_row.js";
import * as jobs from "./job_store.js";

/** @typedef {import("../core/types.js").Job} Job */

const STATES = ["", "active", "succeeded", "failed", "cancelled"];
const PAGE_SIZE = 30;

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function jobsPage({ signal, query }) {
  const asked = query.get("state") ?? "";
  let state = STATES.includes(asked) ? asked : "";
  const filters = h("div", { class: "segments", role: "group", "aria-label": t("jobs.filter") });
  const holder = h("div", null);
  let listLifetime = new AbortController();
  signal.addEventListener("abort", () => listLifetime.abort());

  function draw() {
    listLifetime.abort();
    listLifetime = new AbortController();
    fill(filters, ...STATES.map((s) => filterButton(s, s === state, () => choose(s))));
    fill(holder, jobList(state, listLifetime.signal));
  }
  /** @param {string} chosen */
  function choose(chosen) {
    state = chosen;
    setQuery("state", chosen || null);
    draw();
    /** @type {HTMLElement} */ (filters.children[STATES.indexOf(chosen)]).focus();
  }
  draw();
  return page(t("nav.jobs"), t("jobs.lead"), filters, holder);
}

/** @param {string} state @param {boolean} pressed @param {() => void} click */
const filterButton = (state, pressed, click) =>
  h(
    "button",
    { type: "button", "aria-pressed": String(pressed), on: { click } },
    t(state ? (state === "active" ? "jobs.active" : `state.${state}`) : "all"),
  );

/** The jobs of one state, "" for all. @param {string} state @param {AbortSignal} signal */
function jobList(state, signal) {
  const query = `limit=${PAGE_SIZE}${state ? `&state=${state}` : ""}`;
  const draw = (/** @type {Job[]} */ found) => (found.length ? jobRows(found, state, query, signal) : noJobs(state));
  return loadable(() => jobs.fetchJobs(query, signal), draw, { skeletons: 4, height: 96 }).el;
}

/** @param {string} state */
const noJobs = (state) =>
  emptyState(
    "jobs",
    t(state ? "jobs.empty.some" : "jobs.empty"),
    linkButton({ href: "/chat_system", label: t("home.start"), kind: "primary" }),
  );

/** @param {Job[]} first the first page @param {string} state @param {string} query @param {AbortSignal} signal */
function jobRows(first, state, query, signal) {
  const shown = new Set();
  const rows = h("ul", { class: "stack" });
  const more = button({ label: t("jobs.more"), onclick: () => void showOlder() });
  const add = (/** @type {Job[]} */ page) => {
    for (const job of page) {
      shown.add(job.id);
      rows.append(jobRow(job, signal, { onremoved: () => shown.delete(job.id) }));
    }
    more.hidden = page.length < PAGE_SIZE;
  };
  async function showOlder() {
    const last = [...shown].at(-1);
    add(await jobs.fetchJobs(`${query}&before=${last}`, signal).catch(() => []));
  }
  add(first);
  jobs.watch(signal, ({ job }) => {
    if (shown.has(job.id) || jobs.isFinished(job) || (state && state !== "active")) return;
    shown.add(job.id);
    rows.prepend(jobRow(job, signal)); // requested elsewhere while this page is open
  });
  return h("div", { class: "stack" }, rows, h("div", null, more));
}
