// @ts-check
// The Verify page: drop a file, read whether it was made here and what its marks say.
import { ACCEPT, dropZone } from "../components/file_input.js";
import { uploadFile } from "../components/file_upload.js";
import { page, section } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { button, fill, h, icon } from "../core/dom.js";
import { formatDate, formatPercent } from "../core/format.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/types.js").Verification} Verification */
/** @typedef {[key: string, value: string][]} Rows */

const KINDS = `${ACCEPT.avatar},${ACCEPT.audio}`;

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function verifyPage({ signal }) {
  const place = h("div", { class: "stack verify" });
  const choose = () => {
    const zone = { accept: KINDS, title: t("verify.drop"), help: t("verify.help"), signal, onfile };
    fill(place, dropZone(zone));
  };
  /** @param {File} file */
  async function onfile(file) {
    const found = await uploadFile(place, file, { path: "/verify", back: choose, signal });
    if (!found) return;
    const answer = verdict(found, file.name);
    const again = button({ icon: "swap", label: t("verify.other"), onclick: choose });
    fill(place, answer, ...details(found), h("div", null, again));
    answer.focus();
  }
  choose();
  return page(t("nav.verify"), t("verify.lead"), place);
}

/** The answer in words. @param {Verification} found @param {string} name */
function verdict({ evidence, unchanged, made, manifest }, name) {
  const kind = evidence === "none" ? "" : evidence === "label" ? "warn" : "good";
  const symbol = evidence === "none" ? "info" : evidence === "label" ? "alert" : "check";
  const changed = unchanged === null ? "" : t(unchanged ? "verify.unchanged" : "verify.changed");
  const foreign = evidence === "none" && manifest ? t("verify.foreign", { signer: manifest.signer || "?" }) : "";
  return h(
    "div",
    { class: `note verdict ${kind}`, tabindex: -1, role: "status" },
    icon(symbol),
    h(
      "div",
      { class: "stack tight" },
      h("h2", null, t(`verify.${evidence}`)),
      h("p", { class: "small-text clip" }, name),
      ...[changed, foreign].filter(Boolean).map((text) => h("p", null, text)),
      made?.job_id ? linkButton({ href: "/jobs", label: t("verify.job"), kind: "small" }) : null,
    ),
  );
}

/** What is known, in sections. @param {Verification} found @returns {HTMLElement[]} */
function details({ made, match, label, manifest }) {
  return [
    made ? facts("verify.made", madeRows(made)) : null,
    match ? facts("verify.match", matchRows(match)) : null,
    facts("verify.aigc", label ? labelRows(label) : [], t("verify.no_label")),
    facts("verify.c2pa", manifest ? manifestRows(manifest) : [], t("verify.no_manifest")),
  ].filter((part) => part !== null);
}

/** @param {string} key @param {Rows} rows @param {string} [none] shown without rows */
function facts(key, rows, none = "") {
  const list = h(
    "dl",
    { class: "facts-list verify-facts" },
    ...rows.flatMap(([k, v]) => [h("dt", null, k), h("dd", null, v)]),
  );
  return section(t(key), [], rows.length ? list : h("p", { class: "muted" }, none));
}

const yes = (/** @type {boolean} */ value) => t(value ? "verify.yes" : "verify.no");

/** @param {NonNullable<Verification["made"]>} made @returns {Rows} */
function madeRows(made) {
  /** @type {Rows} */
  const rows = [
    [t("verify.at"), formatDate(made.at)],
    [t("verify.kind"), t(`verify.kind.${made.kind}`)],
    [t("verify.engine"), made.engine],
  ];
  if (made.visible_mark) rows.push([t("verify.visible"), t(`verify.visible.${made.visible_mark}`)]);
  rows.push([t("verify.speech"), t(made.is_sound_made ? "verify.speech.made" : "verify.speech.recorded")]);
  if (made.job_id) rows.push([t("verify.job_id"), made.job_id]);
  return rows;
}

/** @param {NonNullable<Verification["match"]>} match @returns {Rows} */
function matchRows(match) {
  /** @type {Rows} */
  const rows = [
    [t("verify.share"), formatPercent(match.share)],
    [t("verify.speed"), `${Math.round(match.speed * 100)}%`],
  ];
  if (match.pictures !== null) rows.push([t("verify.pictures"), yes(match.pictures)]);
  return rows;
}

/** @param {NonNullable<Verification["label"]>} label @returns {Rows} */
const labelRows = ({ fields, is_ours }) => [
  [t("verify.ours"), yes(is_ours)],
  ...Object.entries(fields)
    .filter(([, value]) => value)
    .map(([key, value]) => /** @type {[string, string]} */ ([key, value])),
];

/** @param {NonNullable<Verification["manifest"]>} manifest @returns {Rows} */
function manifestRows({ state, is_ours, signer, generator, source_type, ingredients, problems }) {
  /** @type {Rows} */
  const rows = [
    [t("verify.state"), t(`verify.state.${state}`)],
    [t("verify.ours"), yes(is_ours)],
    [t("verify.signer"), signer],
    [t("verify.generator"), generator],
    [t("verify.source_type"), source_type],
    [t("verify.ingredients"), ingredients.join(", ")],
    [t("verify.problems"), problems.join(", ")],
  ];
  return rows.filter(([, value]) => value);
}
