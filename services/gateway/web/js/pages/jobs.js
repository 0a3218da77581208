// @ts-check
// Jobs: everything that was asked for, newest first.
import { button, fill, h } from "../core/dom.js";
import { t } from "../core/i18n.js";
import * as jobs from "../core/jobs.js";
import { setQuery } from "../core/router.js";
import { linkButton, page } from "../parts/bits.js";
import { jobRow } from "../parts/job.js";
import { empty, loaded } from "../parts/say.js";

const STATES = ["", "active", "succeeded", "failed", "cancelled"];
const PAGE = 30;

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function jobsPage({ signal, query }) {
  let state = STATES.includes(query.get("state") ?? "") ? (query.get("state") ?? "") : "";
  const filters = h("div", { class: "segments", role: "group", "aria-label": t("jobs.filter") });
  const holder = h("div", null);
  let leave = new AbortController();
  signal.addEventListener("abort", () => leave.abort());

  function draw() {
    leave.abort();
    leave = new AbortController();
    const rows = leave.signal;
    fill(
      filters,
      ...STATES.map((s) =>
        h(
          "button",
          { type: "button", "aria-pressed": String(s === state), on: { click: () => choose(s) } },
          t(s ? (s === "active" ? "jobs.active" : `state.${s}`) : "all"),
        ),
      ),
    );
    const query = `limit=${PAGE}${state ? `&state=${state}` : ""}`;
    const shown = new Set();
    const place = loaded(
      () => jobs.fetchJobs(query, rows),
      (found) => {
        if (!found.length)
          return empty(
            "jobs",
            t(state ? "jobs.empty.some" : "jobs.empty"),
            linkButton({ href: "/chat_system", label: t("home.start"), kind: "primary" }),
          );
        const ul = h("ul", { class: "stack" });
        const more = button({ label: t("jobs.more"), onclick: () => void older() });
        const add = (/** @type {import("../core/types.js").Job[]} */ some) => {
          for (const job of some) {
            shown.add(job.id);
            ul.append(jobRow(job, rows, { gone: () => shown.delete(job.id) }));
          }
          more.hidden = some.length < PAGE;
        };
        async function older() {
          const last = [...shown].at(-1);
          add(await jobs.fetchJobs(`${query}&before=${last}`, rows).catch(() => []));
        }
        add(found);
        jobs.watch(rows, ({ job }) => {
          if (shown.has(job.id) || jobs.over(job) || (state && state !== "active")) return;
          shown.add(job.id);
          ul.prepend(jobRow(job, rows)); // asked for elsewhere while this page is open
        });
        return h("div", { class: "stack" }, ul, h("div", null, more));
      },
      { skeletons: 4, height: 96 },
    );
    fill(holder, place.el);
  }
  /** @param {string} s */
  function choose(s) {
    state = s;
    setQuery("state", s || null);
    const at = STATES.indexOf(s);
    draw();
    /** @type {HTMLElement} */ (filters.children[at]).focus();
  }
  draw();
  return page(t("nav.jobs"), t("jobs.lead"), filters, holder);
}
