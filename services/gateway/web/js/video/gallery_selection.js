// @ts-check
// Choosing several videos of the gallery, to download or delete them together.
import { announce, toast } from "../components/announcements.js";
import { confirmDialog } from "../components/dialog.js";
import { problemCard } from "../components/problem_card.js";
import { call, fetchFile } from "../core/api.js";
import { button, fill, h, setText } from "../core/dom.js";
import { t } from "../i18n/translate.js";

const MOST = 200;

/** How long a downloaded file stays in memory: the browser has begun to save it by then. */
const KEPT_MS = 60_000;

/**
 * @param {{shown: () => string[], redraw: () => void, ondeleted: () => void}} options `shown`: ids of the videos on the
 *   page; `redraw`: tiles change between watching and choosing
 */
export function gallerySelection({ shown, redraw, ondeleted }) {
  /** @type {Set<string>} */
  const chosen = new Set();
  let isOn = false;
  const bar = selectionBar({ onzip: () => zipOf([...chosen]), ondelete: removeAll, onall: chooseAll, ondone: leave });
  const start = button({ icon: "check", label: t("gallery.select"), kind: "quiet small", onclick: () => turn(true) });

  /** @param {boolean} on */
  function turn(on) {
    isOn = on;
    chosen.clear();
    bar.show(on);
    start.hidden = on;
    redraw();
    bar.update(0);
    if (!on) start.focus();
  }
  function leave() {
    turn(false);
  }
  function chooseAll() {
    for (const id of shown().slice(0, MOST)) chosen.add(id);
    redraw();
    bar.update(chosen.size);
  }
  /** @returns {Promise<Node | null>} what was not deleted */
  async function removeAll() {
    const n = chosen.size;
    const question = { title: t("gallery.delete", { n }), text: t("gallery.delete.text"), yes: t("delete") };
    if (!(await confirmDialog(question))) return null;
    const { done, failed } = await call("POST", "/videos/bulk", { body: { ids: [...chosen], action: "delete" } });
    for (const id of done) chosen.delete(id);
    if (!failed.length) turn(false);
    toast(t("gallery.deleted", { n: done.length }));
    ondeleted();
    return failed.length ? problemCard(failed[0].problem) : null;
  }
  /** @param {string} id */
  function toggle(id) {
    if (!chosen.delete(id) && chosen.size < MOST) chosen.add(id);
    bar.update(chosen.size);
  }
  return {
    start,
    el: bar.el,
    /** For tiles; undefined while videos are only watched. */
    select: () => (isOn ? { chosen: () => chosen, toggle } : undefined),
  };
}

/** @param {string[]} ids @returns {Promise<null>} */
async function zipOf(ids) {
  announce(t("gallery.zipping"));
  const url = URL.createObjectURL(await fetchFile("/videos/bulk", { ids, action: "zip" }));
  h("a", { href: url, download: "huasheng-videos.zip" }).click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
  return null;
}

/**
 * How many are chosen, and what can be done with them.
 * @param {{onzip: () => Promise<Node | null>, ondelete: () => Promise<Node | null>, onall: () => void,
 *   ondone: () => void}} options the promises are of what went wrong
 */
function selectionBar({ onzip, ondelete, onall, ondone }) {
  let chosen = 0;
  const problem = h("div", null);
  const count = h("span", { class: "num", role: "status" });
  const zip = button({ icon: "download", label: t("gallery.zip"), onclick: () => void working(onzip) });
  const remove = button({ icon: "trash", label: t("delete"), kind: "danger", onclick: () => void working(ondelete) });
  const all = button({ label: t("gallery.all"), kind: "quiet", onclick: onall });
  const done = button({ label: t("done"), kind: "quiet", onclick: ondone });
  const look = { class: "gallery-bar row wrap", role: "group", "aria-label": t("gallery.select") };
  const bar = h("div", look, count, zip, remove, all, done);
  bar.hidden = true;

  /** @param {number} n */
  function update(n) {
    chosen = n;
    setText(count, t("gallery.chosen", { n }));
    zip.disabled = remove.disabled = !n;
  }
  /** @param {() => Promise<Node | null>} work */
  async function working(work) {
    fill(problem);
    zip.disabled = remove.disabled = true;
    try {
      fill(problem, await work());
    } catch (error) {
      fill(problem, problemCard(error));
    }
    update(chosen);
  }
  /** @param {boolean} on */
  function show(on) {
    bar.hidden = !on;
    fill(problem);
    if (on) all.focus();
  }
  return { el: h("div", { class: "stack gallery-choosing" }, bar, problem), update, show };
}
