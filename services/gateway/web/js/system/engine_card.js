// @ts-check
// An engine on the System page.

import { pill } from "../components/layout.js";
import { h } from "../core/dom.js";
import { formatSeconds } from "../core/format.js";
import { hasText, t } from "../i18n/translate.js";
import { languageName } from "../voices/voice_labels.js";

/** @typedef {import("../core/types.js").Engine} Engine */

/** @param {Engine} engine */
export function engineCard(engine) {
  const { name, is_default, available, reason, languages, models, license } = engine;
  const pills = h("span", { class: "row" }, is_default ? pill(t("engine.default"), "plain") : null, statePill(engine));
  const facts = [[...new Set(languages.map(languageName))].join(", "), models.join(", "), license];
  return h(
    "li",
    { class: "card" },
    h("div", { class: "row apart wrap" }, h("strong", null, name), pills),
    description(engine),
    available ? breakerNote(engine) : h("p", { class: "small-text" }, reason),
    trainingNote(engine),
    engine.videos_only ? h("p", { class: "small-text muted" }, t("engine.videos_only")) : null,
    h("p", { class: "small-text muted" }, facts.filter(Boolean).join(" · ")),
  );
}

/** The operator's face restorer. @param {import("../core/types.js").Restorer} restorer */
export function restorerCard({ name, licence, problem }) {
  const state = problem ? pill(t("engine.off"), "") : pill(t("engine.on"), "good");
  return h(
    "li",
    { class: "card" },
    h("div", { class: "row apart wrap" }, h("strong", null, name), state),
    h("p", { class: "small-text muted" }, t("restore.is")),
    problem ? h("p", { class: "small-text", lang: "en" }, problem) : null,
    h("p", { class: "small-text muted" }, licence),
  );
}

/**
 * The description, translated if the engine is known. Services describe their engines in English.
 * @param {Engine} engine
 */
function description({ name, description }) {
  if (!hasText(`engine.is.${name}`)) return h("p", { class: "small-text muted", lang: "en" }, description);
  const [, ...notices] = description.split(". "); // notices about the current state follow the first sentence
  const english = notices.length ? h("span", { lang: "en" }, " ", notices.join(". ")) : null;
  return h("p", { class: "small-text muted" }, t(`engine.is.${name}`), english);
}

/** Whether failures make the services ask this engine last. @param {Engine} engine */
const isBroken = ({ breaker }) => breaker === "open" || breaker === "half-open";

/** @param {Engine} engine */
function statePill(engine) {
  if (!engine.available) return pill(t("engine.off"), "");
  if (isBroken(engine)) return pill(t(engine.breaker === "open" ? "engine.resting" : "engine.trying"), "warn");
  return pill(t("engine.on"), "good");
}

/** Why an available engine is not asked in its turn. @param {Engine} engine */
function breakerNote(engine) {
  if (!isBroken(engine)) return null;
  const { breaker, breaker_retry_s, breaker_reason } = engine;
  const text = breaker === "open" ? t("engine.rests", { time: formatSeconds(breaker_retry_s) }) : t("engine.tries");
  return h("p", { class: "small-text" }, `${text} ${breaker_reason}`);
}

/** Whether a render engine can train. @param {Engine} engine */
function trainingNote({ service, available, can_train, cannot_train_reason }) {
  if (service !== "render" || !available) return null;
  if (can_train) return h("p", { class: "small-text" }, t("engine.trains"));
  const reason = cannot_train_reason ? ` ${cannot_train_reason}` : null;
  return h("p", { class: "small-text muted" }, t("engine.trains.not"), reason);
}
