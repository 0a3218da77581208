// @ts-check
// A training as people see it: what was found in the clip, how the loss falls, how the mouth follows, what came of it.
import { asDownload } from "../core/api.js";
import { fill, h, icon, say } from "../core/dom.js";
import { number } from "../core/format.js";
import { knows, t, term } from "../core/i18n.js";
import * as jobs from "../core/jobs.js";
import { linkButton, pill } from "./bits.js";
import { chart } from "./chart.js";
import { jobProgress } from "./job.js";
import { talks } from "./people.js";
import { note } from "./say.js";

/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {import("../core/types.js").Model} Model */
/** @typedef {import("../core/types.js").Curve} Curve */
/** @typedef {Record<string, number>} Figures */

/** @param {Curve} curve @param {"real" | "before" | "after"} name @returns {[number, number][]} */
const points = (curve, name) =>
  curve[name].map((v, i) => [Math.round(100 * (curve.start_s + i / curve.rate_hz)) / 100, v]);

/** How alike two lines run, -1 to 1; nothing when one of them does not move. @param {number[]} a @param {number[]} b */
export function likeness(a, b) {
  const n = Math.min(a.length, b.length);
  if (n < 3) return null;
  const mean = (/** @type {number[]} */ v) => v.slice(0, n).reduce((sum, x) => sum + x, 0) / n;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < n; i += 1) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return aa > 1e-12 && bb > 1e-12 ? ab / Math.sqrt(aa * bb) : null;
}

/** The real mouth beside the drawn one. @returns {{el: HTMLElement, set: (curve: Curve | null | undefined) => void}} */
export function mouthChart() {
  const { el, set } = chart({ title: t("train.mouth"), x: t("train.seconds"), digits: 2 });
  return {
    el,
    set(curve) {
      if (!curve) return set([], "");
      const after = likeness(curve.real, curve.after);
      const words = after === null ? "" : t("train.mouth.alike", { n: number(after, 2) });
      set(
        [
          { key: "b", label: t("train.mouth.before"), points: points(curve, "before") },
          { key: "c", label: t("train.mouth.real"), points: points(curve, "real") },
          { key: "a", label: t("train.mouth.after"), points: points(curve, "after") },
        ],
        words,
      );
    },
  };
}

/** The picture of held-out moments. @param {string} url @param {string} [version] changes when the picture does @param {string} [rows] the words for its rows */
export function previewPicture(url, version = "", rows = "train.preview") {
  const address = version ? `${url}${url.includes("?") ? "&" : "?"}v=${encodeURIComponent(version)}` : url;
  return h(
    "figure",
    { class: "train-preview" },
    h(
      "figcaption",
      { class: "row apart wrap" },
      h("strong", null, t(rows)),
      linkButton({
        href: asDownload(url),
        icon: "download",
        label: t("train.preview.download"),
        bare: true,
        kind: "small",
        download: true,
      }),
    ),
    h("img", { src: address, alt: t(`${rows}.alt`), loading: "lazy" }),
    h("p", { class: "small-text muted" }, t(`${rows}.rows`)),
  );
}

/** Codes in words. @param {string[]} codes */
export const warnings = (codes) =>
  codes.map((code) =>
    note(term("warning", code), {
      kind: code === "not-better" ? "" : "warn",
      icon: code === "not-better" ? "info" : "alert",
    }),
  );

/** How far sound and mouth of the clip lie apart; of those that do not belong together nobody can tell. @param {{offset_ms?: number, warnings?: string[]}} o */
const offsetWords = ({ offset_ms: ms, warnings: codes }) =>
  !ms || codes?.includes("out-of-sync")
    ? null
    : h(
        "p",
        { class: "small-text muted" },
        t(ms > 0 ? "train.offset.ahead" : "train.offset.behind", { ms: number(Math.abs(ms)) }),
      );

/**
 * A training at work, kept true until `signal` aborts.
 * @param {Job} first @param {AbortSignal} signal
 */
export function trainingNow(first, signal) {
  const loss = chart({ title: t("train.loss"), x: t("train.step"), fromZero: true });
  const mouth = mouthChart();
  const steps = h("p", { class: "num train-steps" });
  const found = h("div", { class: "stack tight" });
  const picture = h("div", null);
  let seen = "";
  let shownPicture = "";
  let drawn = 0;
  const draw = (/** @type {Job} */ job) => {
    const p = job.partial ?? {};
    say(
      steps,
      p.step ? t("train.at", { step: number(p.step), steps: number(p.steps ?? 0), loss: number(p.loss ?? 0, 4) }) : "",
    );
    steps.hidden = !p.step;
    const history = p.history ?? [];
    if (Date.now() - drawn > 400 || history.length < 3) {
      drawn = Date.now();
      const measured = history.filter((q) => q.validation_loss !== null);
      const last = history.at(-1);
      loss.set(
        [
          { key: "b", label: t("train.loss.learned"), points: history.map((q) => [q.step, q.loss]) },
          { key: "a", label: t("train.loss.unseen"), points: measured.map((q) => [q.step, q.validation_loss ?? 0]) },
        ],
        last
          ? t("train.loss.words", {
              from: number(history[0].loss, 4),
              to: number(last.loss, 4),
              step: number(last.step),
            })
          : "",
      );
      mouth.set(p.curve);
    }
    const findings = JSON.stringify([p.warnings, p.offset_ms]);
    if (findings !== seen) {
      seen = findings;
      fill(found, ...warnings(p.warnings ?? []), offsetWords(p));
    }
    const address = p.preview_url?.split("?")[0] ?? "";
    const version = `${history.filter((q) => q.validation_loss !== null).at(-1)?.step ?? ""}`;
    if (address && shownPicture !== address + version) {
      shownPicture = address + version;
      fill(picture, previewPicture(p.preview_url ?? "", version, rowsOf(first.params.engine)));
    }
  };
  draw(first);
  jobs.watch(
    signal,
    (e) => draw(e.job),
    (j) => j.id === first.id,
  );
  return h(
    "div",
    { class: "card train-now" },
    h("h3", { class: "clip" }, first.params.name ?? ""),
    jobProgress(first, signal),
    steps,
    found,
    h("div", { class: "train-charts" }, loss.el, mouth.el),
    picture,
    h("p", { class: "small-text muted" }, t("safe.close")),
  );
}

/** A lag up to here is not seen. */
const UNSEEN_MS = 60;

/** Figures that can be compared: how far from perfect, and how they are written. @type {Record<string, {off: (v: number) => number, words: (v: number) => string, much: number}>} */
const FIGURES = {
  opening_corr: { off: (v) => 1 - v, words: (v) => number(v, 2), much: 0.02 },
  width_corr: { off: (v) => 1 - v, words: (v) => number(v, 2), much: 0.02 },
  lag_ms: { off: (v) => Math.max(0, Math.abs(v) - UNSEEN_MS), words: (v) => `${number(v)} ms`, much: 10 },
  opening_std_ratio: {
    off: (v) => Math.abs(Math.log(Math.max(v, 0.01))),
    words: (v) => `${number(v, 2)}×`,
    much: 0.05,
  },
  lip_distance: { off: (v) => v, words: (v) => `${number(100 * v, 1)}%`, much: 0.001 },
  distance: { off: (v) => v, words: (v) => `${number(100 * v, 1)}%`, much: 0.001 },
};

/** Where a model is at work: how its figures begin, which there are, and the warning that it is not used there. */
const WAYS = [
  {
    key: "video",
    start: "",
    rows: ["opening_corr", "width_corr", "lag_ms", "opening_std_ratio", "lip_distance"],
    off: "not-better",
  },
  { key: "text", start: "text_", rows: ["opening_corr", "width_corr", "distance"], off: "text-not-better" },
  { key: "live", start: "live_", rows: ["opening_corr", "width_corr", "distance"], off: "live-not-better" },
];

/** Whether a figure got better. @param {string} name @param {number} before @param {number} after @returns {"better" | "same" | "worse"} */
export function verdict(name, before, after) {
  const { off, much } = FIGURES[name];
  const gain = off(before) - off(after);
  return gain > much ? "better" : gain < -much ? "worse" : "same";
}

/** "follows the speech .41 → .68", or nothing where it was not measured. @param {{before: Figures, after: Figures}} m */
export function inShort({ before, after }) {
  if (before.opening_corr === undefined || after.opening_corr === undefined) return "";
  return t("train.short", { before: number(before.opening_corr, 2), after: number(after.opening_corr, 2) });
}

/** The ways in which a model was measured, and whether it is used there. @param {{before: Figures, after: Figures, warnings?: string[]}} m */
const ways = (m) =>
  WAYS.map((w) => ({
    ...w,
    rows: w.rows.filter((k) => m.before[w.start + k] !== undefined && m.after[w.start + k] !== undefined),
    used: !(m.warnings ?? []).includes(w.off),
  })).filter((w) => w.rows.length);

/** Whether there is nothing to compare with: the engine draws nobody without a model. @param {{warnings?: string[]}} m */
export const alone = (m) => (m.warnings ?? []).includes("not-compared");

/** The words for the rows of a preview: without training some engines draw nothing. @param {unknown} engine */
const rowsOf = (engine) => (knows(`train.preview.${engine}`) ? `train.preview.${engine}` : "train.preview");

/** What was measured of a model that cannot be compared. @param {{after: Figures}} m */
const aloneWords = ({ after }) =>
  after.psnr_db === undefined
    ? null
    : h(
        "p",
        { class: "small-text muted" },
        t("train.alone.figures", {
          psnr: number(after.psnr_db, 1),
          lpips: number(after.lpips ?? 0, 3),
          lmd: number(after.lmd_px ?? 0, 1),
        }),
      );

/** A way to the Chat page, where the engine answers while one waits. @param {Model} m @param {boolean} [small] */
export function talkLink(m, small = false) {
  const el = h("span", { class: "row" });
  const link = () =>
    linkButton({
      href: `/chat_system?model=${encodeURIComponent(m.id)}`,
      label: t("training.talk"),
      ...(small ? { kind: "small" } : { icon: "chat" }),
    });
  talks(m.engine).then(
    (can) => can && el.append(link()),
    () => {},
  );
  return el;
}

/** Whether it helped anywhere. @param {{before: Figures, after: Figures, warnings?: string[]}} m */
export const helped = (m) =>
  ways(m).length ? ways(m).some((w) => w.used) : !(m.warnings ?? []).includes("not-better");

/** Where it helped, when that is not everywhere. @param {{before: Figures, after: Figures, warnings?: string[]}} m */
function helpedWords(m) {
  const all = ways(m);
  const used = all.filter((w) => w.used);
  if (alone(m)) return t("train.alone");
  if (!helped(m)) return t("train.not_helped");
  return used.length === all.length
    ? t("train.helped")
    : t("train.helped.in", { where: used.map((w) => t(`train.way.${w.key}`)).join(t("train.and")) });
}

/** How wide answers open the mouth, in words. @param {{before: Figures, after: Figures}} m */
const openingWords = ({ before, after }) =>
  after.text_opening === undefined || after.real_opening === undefined
    ? null
    : h(
        "p",
        { class: "small-text muted" },
        t(after.text_opening === before.text_opening ? "train.opening.same" : "train.opening", {
          before: number(100 * before.text_opening),
          after: number(100 * after.text_opening),
          real: number(100 * after.real_opening),
        }),
      );

/** Before and after as a table in words, by where the model is at work. @param {{before: Figures, after: Figures, warnings?: string[]}} m */
function figures(m) {
  const { before, after } = m;
  const row = (/** @type {string} */ start, /** @type {string} */ k) => {
    const v = verdict(k, before[start + k], after[start + k]);
    return h(
      "tr",
      null,
      h("th", { scope: "row" }, t(`figure.${k}`), h("span", { class: "small-text muted" }, t(`figure.${k}.ideal`))),
      h("td", { class: "num" }, FIGURES[k].words(before[start + k])),
      h("td", { class: "num" }, FIGURES[k].words(after[start + k])),
      h("td", { class: `verdict ${v}` }, t(`train.${v}`)),
    );
  };
  const all = ways(m);
  const head = (/** @type {(typeof all)[number]} */ w) =>
    h(
      "tr",
      { class: "way" },
      h(
        "th",
        { colspan: 4, scope: "rowgroup" },
        t(`train.in.${w.key}`),
        w.used ? null : h("span", { class: "small-text muted" }, t("train.unused")),
      ),
    );
  return h(
    "table",
    { class: "figures" },
    h("caption", { class: "sr" }, t("train.figures")),
    h(
      "thead",
      null,
      h(
        "tr",
        null,
        h("th", { scope: "col" }, t("train.measured")),
        h("th", { scope: "col" }, t("train.before")),
        h("th", { scope: "col" }, t("train.after")),
        h("th", { scope: "col" }, t("train.change")),
      ),
    ),
    ...all.map((w) =>
      h("tbody", { "data-way": w.key }, all.length > 1 ? head(w) : null, ...w.rows.map((k) => row(w.start, k))),
    ),
  );
}

/** What came of a training. @param {Model} m */
export function trainingResult(m) {
  const mouth = mouthChart();
  mouth.set(m.curve);
  const good = helped(m);
  const query = `model=${encodeURIComponent(m.id)}`;
  return h(
    "div",
    { class: "stack", "data-result": good ? "helped" : "not-better" },
    h(
      "p",
      { class: `note ${good ? "good" : ""}` },
      icon(good ? "check" : "info"),
      h("span", null, h("strong", null, helpedWords(m)), " ", inShort(m)),
    ),
    h(
      "div",
      { class: "row wrap" },
      linkButton({ href: `/video_generation?${query}`, label: t("training.use"), icon: "video", kind: "primary" }),
      talkLink(m),
    ),
    ...(alone(m)
      ? [aloneWords(m)]
      : [figures(m), openingWords(m), h("p", { class: "small-text muted" }, t("train.heldout"))]),
    ...warnings((m.warnings ?? []).filter((code) => code !== "not-compared" && WAYS.every((w) => w.off !== code))),
    offsetWords(m),
    alone(m) ? null : h("div", { class: "train-charts" }, mouth.el),
    m.preview_url ? previewPicture(m.preview_url, "", rowsOf(m.engine)) : null,
    h(
      "p",
      { class: "small-text muted row wrap" },
      pill(m.engine, "plain"),
      t("training.steps.n", { n: number(m.steps) }),
      h("code", { class: "mono" }, m.id),
    ),
  );
}
