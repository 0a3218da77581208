// @ts-check
// The running jobs: a button in the header and the drawer that it opens.
import { openDialog } from "../components/dialog.js";
import { emptyState } from "../components/layout.js";
import { fill, h, icon, ring } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { jobRow } from "./job_row.js";
import * as jobs from "./job_store.js";

let drawerLifetime = new AbortController();
let buttonLifetime = new AbortController();

/** The header's button: a ring with the progress of the running jobs. A new button replaces the one before it. */
export function jobsButton() {
  buttonLifetime.abort();
  buttonLifetime = new AbortController();
  const circle = ring();
  const count = h("span", { class: "ring-count num" });
  const el = h("button", {
    type: "button",
    class: "icon-button ring-button",
    "data-open": "jobs",
    on: { click: openJobsDrawer },
  });
  const draw = () => {
    const running = jobs.active();
    const label = running.length ? t("jobs.running", { n: running.length }) : t("jobs.none");
    el.setAttribute("aria-label", label);
    el.title = label;
    circle.set(running.length ? running.reduce((sum, j) => sum + j.progress, 0) / running.length : 0);
    count.textContent = String(running.length);
    if (running.length) fill(el, circle.el, count);
    else fill(el, icon("jobs"));
  };
  draw();
  jobs.watch(buttonLifetime.signal, draw);
  return el;
}

/** Opens the list of running jobs. */
function openJobsDrawer() {
  drawerLifetime.abort();
  drawerLifetime = new AbortController();
  const signal = drawerLifetime.signal;
  const rows = h("ul", { class: "stack" });
  const none = emptyState("jobs", t("jobs.none.text"));
  const shown = new Set();
  const draw = () => {
    for (const job of jobs.active()) {
      if (shown.has(job.id)) continue;
      shown.add(job.id);
      rows.append(jobRow(job, signal));
    }
    none.hidden = shown.size > 0;
  };
  draw();
  jobs.watch(signal, draw);
  openDialog({
    title: t("jobs.now"),
    drawer: true,
    body: [rows, none],
    footer: () => [h("a", { class: "button", href: "/jobs" }, t("jobs.all"))],
    onclose: () => drawerLifetime.abort(),
  });
}
