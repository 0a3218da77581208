// @ts-check
// The form that clones a voice.

import { toast } from "../components/announcements.js";
import { acceptFiles } from "../components/file_input.js";
import { field, select } from "../components/form.js";
import { isAbort, problemCard } from "../components/problem_card.js";
import { upload } from "../core/api.js";
import { fill, h, icon } from "../core/dom.js";
import { consentChoice } from "../consent/consent_choice.js";
import { invalidate } from "../core/server_state.js";
import { language, t } from "../i18n/translate.js";
import { languageName } from "./voice_labels.js";
import { uploadWithProgress, voiceRecorder } from "./voice_recorder.js";

/** @typedef {import("../core/types.js").ProblemBody} ProblemBody */

/** Languages of voices by the short name that has a text. */
const LANGUAGES = { zh: "zh-CN", en: "en-US", ja: "ja-JP", ko: "ko-KR", yue: "yue-HK" };

/**
 * Why no voice can be cloned here, and what to install. It is no failure, so it is a plain note.
 * @param {ProblemBody} problem
 */
export const cloningUnavailable = ({ reason, title, detail, hint }) =>
  h(
    "div",
    { class: "note", "data-reason": reason },
    icon("info"),
    h(
      "div",
      { class: "stack tight" },
      h("p", null, h("strong", null, title)),
      h("p", null, detail),
      h("p", null, hint),
    ),
  );

/**
 * @param {AbortSignal} signal
 * @param {string[]} weights weights that the voice can use
 * @param {() => void} oncreated
 */
export function cloneForm(signal, weights, oncreated) {
  /** @type {File | null} */
  let file = null;
  const problem = h("div", null);
  const fields = cloneFields(weights);
  const submit = h("button", { type: "submit", class: "button primary", disabled: true }, t("voices.make"));
  const recorder = voiceRecorder(signal, (next) => {
    file = next;
    submit.disabled = !next;
    fill(problem);
  });
  async function create(/** @type {Event} */ e) {
    e.preventDefault();
    if (!file) return;
    submit.disabled = true;
    try {
      const form = { file, ...fields.values() };
      await uploadWithProgress(
        problem,
        (onprogress, stop) => upload("/voices", form, { onprogress, signal: stop }),
        signal,
      );
      toast(t("voices.made", { name: fields.values().name }));
      recorder.clear();
      fields.clear();
      invalidate("consents");
      oncreated();
    } catch (error) {
      submit.disabled = false;
      if (!isAbort(error)) fill(problem, problemCard(error));
    }
  }
  const form = h(
    "form",
    { class: "card clone", on: { submit: create } },
    h("p", { class: "muted" }, t("voices.clone.text")),
    recorder.el,
    ...fields.elements,
    h("div", null, submit),
    problem,
  );
  acceptFiles(form, signal, recorder.setFile);
  return form;
}

/** Everything in the form but the recording. @param {string[]} weights */
function cloneFields(weights) {
  const name = h("input", { class: "input", maxlength: 60, required: true, autocomplete: "off" });
  const giver = h("input", { class: "input", maxlength: 80, required: true, autocomplete: "name" });
  const consent = h("input", { type: "checkbox", required: true });
  const agreed = h("label", { class: "check" }, consent, t("voices.consent"));
  const stated = consentChoice({
    onknown: (isRequired) => {
      agreed.hidden = isRequired; // the statement says the same, and more
      consent.required = !isRequired;
    },
  });
  const transcript = h("textarea", { class: "input", rows: 2, maxlength: 500, lang: language() });
  let spoken = LANGUAGES[language()];
  let chosen = weights[0] ?? "";
  const languages = Object.entries(LANGUAGES).map(([key, value]) => ({ value, label: languageName(key) }));
  const weightOptions = weights.map((w) => ({ value: w, label: w }));
  const languageSelect = () => select(languages, spoken, (v) => (spoken = v));
  const weightSelect = () => select(weightOptions, chosen, (v) => (chosen = v));
  return {
    elements: [
      h(
        "div",
        { class: "grid" },
        field(t("voices.name"), name),
        field(t("voices.language"), languageSelect()),
        weights.length > 1 ? field(t("voices.weights"), weightSelect(), t("voices.weights.help")) : null,
      ),
      field(t("voices.transcript"), transcript, t("voices.transcript.help")),
      field(t("voices.giver"), giver, t("voices.giver.help")),
      agreed,
      stated.el,
    ],
    /** The fields as `POST /voices` expects them. */
    values: () => ({
      name: name.value.trim(),
      language: spoken,
      transcript: transcript.value.trim(),
      consent: stated.statement() ? stated.words() : t("voices.consent"),
      ...(stated.statement() ? { consent_statement: stated.statement() ?? "" } : {}),
      consent_by: giver.value.trim(),
      weights: chosen,
    }),
    /** Prepares for the next voice. */
    clear() {
      name.value = transcript.value = "";
      consent.checked = false;
      stated.clear();
    },
  };
}
