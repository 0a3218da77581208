// @ts-check
// The report of an avatar's source: face, mouth shapes, and what to record to improve it.
import { note } from "../components/layout.js";
import { progressBar } from "../components/progress_bar.js";
import { h } from "../core/dom.js";
import { formatNumber, formatPercent } from "../core/format.js";
import { hasText, t, term } from "../i18n/translate.js";

/** @typedef {import("../core/types.js").Report} Report */

/** "Covers 78% of the mouth shapes; missing: open vowels". @param {Report} r */
export function coverageText(r) {
  const missing = r.missing_shapes ?? [];
  const covered = t("report.covers", { part: formatPercent(r.mouth_coverage) });
  return missing.length
    ? t("report.covers.but", { covered, missing: missing.map((s) => term("shape", s)).join(t("list.and")) })
    : covered;
}

/** @param {Report} r @param {string} [kind] "video" or "portrait" */
export function avatarReport(r, kind = r.mouth_coverage ? "video" : "portrait") {
  const rows = [
    [t("report.face"), formatPercent(r.face_fraction)],
    [t("report.width"), `${formatNumber(r.face_width_px)} px`],
    ...(r.covered_frames ? [[t("report.covered"), formatNumber(r.covered_frames)]] : []),
    ...(r.blurred_frames ? [[t("report.blurred"), formatNumber(r.blurred_frames)]] : []),
  ];
  return h(
    "div",
    { class: "stack" },
    kind === "portrait" ? h("p", { class: "small-text muted" }, t("report.portrait")) : coverage(r),
    h("dl", { class: "facts-list num" }, ...rows.flatMap(([k, v]) => [h("dt", null, k), h("dd", null, v)])),
    ...r.warnings.map((w) => note(term("warning", w), { kind: "warn", icon: "alert" })),
  );
}

/** The part of the mouth shapes that was seen, and what to read aloud for the missing ones. @param {Report} r */
function coverage(r) {
  const meter = progressBar(t("report.mouth"));
  meter.set(r.mouth_coverage);
  meter.el.classList.add("calm");
  meter.el.setAttribute("role", "meter");
  const missing = r.missing_shapes ?? [];
  return h(
    "div",
    { class: "stack" },
    h("div", { class: "coverage" }, h("p", null, coverageText(r)), meter.el),
    missing.length ? h("p", null, t("report.record")) : null,
    ...missing.map((shape) =>
      h(
        "div",
        { class: "missing-shape" },
        h("strong", null, term("shape", shape)),
        hasText(`shape.${shape}.say`) ? h("blockquote", null, t(`shape.${shape}.say`)) : null,
        hasText(`shape.${shape}.how`) ? h("p", { class: "small-text muted" }, t(`shape.${shape}.how`)) : null,
      ),
    ),
  );
}
