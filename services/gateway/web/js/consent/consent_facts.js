// @ts-check
// Who stated what about a face or a voice.
import { fill, h, icon } from "../core/dom.js";
import { formatDate } from "../core/format.js";
import { fetchConsents } from "../core/server_state.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/account_types.js").ConsentRecord} ConsentRecord */

/** A statement in words. @param {ConsentRecord} record */
export const consentWords = (record) => {
  const { text, given_by, recorded_at, withdrawn_at } = record;
  return [
    h("p", { class: "consent-text" }, h("q", null, text)),
    h(
      "p",
      { class: "small-text muted" },
      t("consent.given", { name: given_by || "–", date: formatDate(recorded_at) }),
      withdrawn_at ? ` · ${t("consent.withdrawn.at", { date: formatDate(withdrawn_at) })}` : null,
    ),
    clipWords(record),
  ];
};

/** What is known of the clip that went with a statement. @param {ConsentRecord} record */
const clipWords = ({ id, clip }) => {
  if (!clip) return null;
  const file = { class: "link", href: `/api/v1/consents/${encodeURIComponent(id)}/clip`, download: true };
  return h(
    "p",
    { class: "small-text muted" },
    t(`clip.kept.${clip.kept}`),
    clip.kept === "encrypted" ? h("span", null, " · ", h("a", file, t("clip.download"))) : null,
  );
};

/**
 * What was stated about a thing, below its details; nothing where nothing was.
 * @param {ConsentRecord["kind"]} kind @param {string | undefined} id
 */
export function consentFacts(kind, id) {
  const el = h("div", { class: "consent-facts" });
  fetchConsents().then(
    (all) => {
      const found = all.find((c) => c.kind === kind && c.resource_id === id);
      if (found) fill(el, icon("check"), h("div", null, ...consentWords(found)));
    },
    () => {}, // the details remain
  );
  return el;
}
