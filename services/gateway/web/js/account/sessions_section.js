// @ts-check
// Where one is signed in.
import { toast } from "../components/announcements.js";
import { confirmDialog } from "../components/dialog.js";
import { pill, section } from "../components/layout.js";
import { loadable } from "../components/loadable.js";
import { problemCard } from "../components/problem_card.js";
import { leave } from "../core/account.js";
import { call, list } from "../core/api.js";
import { button, h } from "../core/dom.js";
import { timeElement } from "../core/format.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/account_types.js").Session} Session */

/** Names of browsers and systems in the order in which their marks are looked for. */
const BROWSERS = [
  ["Edg/", "Edge"],
  ["OPR/", "Opera"],
  ["Firefox/", "Firefox"],
  ["Chrome/", "Chrome"],
  ["Safari/", "Safari"],
];
const SYSTEMS = [
  ["Android", "Android"],
  ["iPhone", "iPhone"],
  ["iPad", "iPad"],
  ["Windows", "Windows"],
  ["Mac OS X", "macOS"],
  ["Linux", "Linux"],
];

/** A browser in words, from what it says of itself. @param {string} agent */
function browserName(agent) {
  const find = (/** @type {string[][]} */ known) => known.find(([mark]) => agent.includes(mark))?.[1];
  const [browser, system] = [find(BROWSERS), find(SYSTEMS)];
  if (browser && system) return t("sessions.on", { browser, system });
  return browser ?? system ?? (agent.slice(0, 60) || t("sessions.unknown"));
}

/** @param {AbortSignal} signal */
export function sessionsSection(signal) {
  /** @type {import("../components/loadable.js").Loadable} */
  const place = loadable(
    () => /** @type {Promise<Session[]>} */ (list("/me/sessions", signal)),
    (all) => h("ul", { class: "card rows" }, ...all.map((s) => sessionRow(s, place.reload))),
    { skeletons: 1, height: 72 },
  );
  document.addEventListener("sessions", () => void place.reload(), { signal });
  const everywhere = button({ icon: "leave", label: t("sessions.all"), kind: "small", onclick: () => void endAll() });
  async function endAll() {
    const question = { title: t("sessions.all"), text: t("sessions.all.text"), yes: t("sessions.all.yes") };
    if (!(await confirmDialog(question))) return;
    try {
      await call("DELETE", "/me/sessions");
      leave();
    } catch (error) {
      place.el.append(problemCard(error));
    }
  }
  return section(t("sessions"), [everywhere], place.el);
}

/** @param {Session} session @param {() => Promise<void>} reload */
function sessionRow(session, reload) {
  const name = browserName(session.agent);
  async function end() {
    try {
      await call("DELETE", `/me/sessions/${encodeURIComponent(session.id)}`);
      toast(t("sessions.ended", { name }));
      await reload();
    } catch (error) {
      el.append(problemCard(error));
    }
  }
  const facts = h(
    "p",
    { class: "small-text muted" },
    session.address,
    " · ",
    t("sessions.since"),
    " ",
    timeElement(session.created_at),
    " · ",
    t("sessions.used"),
    " ",
    timeElement(session.last_used_at),
  );
  const el = h(
    "li",
    { class: "row wrap apart" },
    h("div", { class: "grow" }, h("p", null, h("strong", null, name)), facts),
    session.is_this
      ? pill(t("sessions.this"), "good")
      : button({
          label: t("sessions.end"),
          kind: "small",
          "aria-label": t("sessions.end.name", { name }),
          onclick: end,
        }),
  );
  return el;
}
