// @ts-check
// The Voices page: listen, filter, and clone a voice where an engine can.

import { field, select } from "../components/form.js";
import { emptyState, page, pill, section } from "../components/layout.js";
import { loadable } from "../components/loadable.js";
import { problemCard } from "../components/problem_card.js";
import { soundButton } from "../components/sound_button.js";
import { fill, h } from "../core/dom.js";
import { loadPreference, savePreference } from "../core/preferences.js";
import { fetchVoiceList, invalidate } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { previewPanel } from "../speech/preview_panel.js";
import { cloneForm, cloningUnavailable } from "./clone_form.js";
import { ownVoiceCard } from "./own_voice_card.js";
import { dropButton, sharedBadge } from "../sharing/shared_badge.js";
import { languageName, voiceInitial, voiceSummary } from "./voice_labels.js";

/** @typedef {import("../core/types.js").Voice} Voice */

const FILTER = "voices.filter";

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function voicesPage({ signal }) {
  const own = h("ul", { class: "stack own-voices" });
  const ownSection = section(t("voices.own"), [], own);
  ownSection.hidden = true;
  const cloning = h("div", { class: "stack" });
  const cloningSection = section(t("voices.clone"), [], cloning);
  /** @type {string | undefined} */
  let shownReason;
  const voices = loadable(
    fetchVoiceList,
    ({ items, cloning_problem, cloning_weights }) => {
      const cloned = items.filter((v) => v.is_cloned);
      ownSection.hidden = !cloned.length;
      fill(own, ...cloned.map((v) => ownVoiceCard(v, signal, reload)));
      const reason = cloning_problem?.reason ?? "";
      if (shownReason !== reason) {
        // the form keeps its input while the list changes
        shownReason = reason;
        fill(
          cloning,
          cloning_problem ? cloningUnavailable(cloning_problem) : cloneForm(signal, cloning_weights, reload),
        );
        if (cloning_problem) body.append(cloningSection); // what is not available comes last
      }
      return engineVoices(
        items.filter((v) => !v.is_cloned),
        reload,
      );
    },
    { skeletons: 6, height: 64 },
  );
  function reload() {
    invalidate("voices");
    void voices.reload();
  }
  const all = section(t("voices.all"), [], voices.el);
  const body = page(t("nav.voices"), t("voices.lead"), ownSection, cloningSection, readingSection(signal), all);
  return body;
}

/** How a sentence is read, and the dictionary. @param {AbortSignal} signal */
function readingSection(signal) {
  const changed = () => preview.changed();
  const sentence = h("input", { class: "input", maxlength: 400, on: { input: changed } });
  const preview = previewPanel(signal, () => ({ text: sentence.value.trim() }));
  return section(
    t("preview.title"),
    [],
    h("div", { class: "stack" }, field(t("voices.try.words"), sentence), preview.el),
  );
}

/** Voices that are not one's own, with filters. @param {Voice[]} all @param {() => void} reload */
function engineVoices(all, reload) {
  let filter = loadPreference(FILTER, { language: "", gender: "" });
  const list = h("ul", { class: "grid voices", "aria-live": "polite" });
  const draw = () => {
    savePreference(FILTER, filter);
    const matching = all.filter(
      (v) => (!filter.language || languageKey(v) === filter.language) && (!filter.gender || v.gender === filter.gender),
    );
    fill(
      list,
      ...(matching.length
        ? matching.map((v) => voiceRow(v, reload))
        : [h("li", null, emptyState("voice", t("voices.none")))]),
    );
  };
  const change = (/** @type {Partial<typeof filter>} */ part) => {
    filter = { ...filter, ...part };
    draw();
  };
  const any = { value: "", label: t("all") };
  const languages = [...new Set(all.map(languageKey))].map((l) => ({ value: l, label: languageName(l) }));
  const genders = ["female", "male"].map((g) => ({ value: g, label: t(`gender.${g}`) }));
  const languageSelect = select([any, ...languages], filter.language, (language) => change({ language }));
  const genderSelect = select([any, ...genders], filter.gender, (gender) => change({ gender }));
  draw();
  const filters = [field(t("voices.language"), languageSelect), field(t("voices.gender"), genderSelect)];
  return [h("div", { class: "row wrap filters" }, ...filters), list];
}

/** @param {Voice} v */
const languageKey = (v) => v.language.split("-")[0].toLowerCase();

/** @param {Voice} v @param {() => void} reload */
function voiceRow(v, reload) {
  const problem = h("div", null);
  const showProblem = (/** @type {unknown} */ error) => fill(problem, problemCard(error));
  const mark = v.is_shared ? sharedBadge(v.voice_id) : v.is_default ? pill(t("voice.default"), "plain") : null;
  return h(
    "li",
    { class: "card voice" },
    h(
      "div",
      { class: "row" },
      voiceInitial(v),
      h(
        "div",
        { class: "grow" },
        h("p", { class: "row" }, h("strong", { class: "clip" }, v.name), mark),
        h("p", { class: "small-text muted clip" }, voiceSummary(v)),
      ),
      soundButton(v.sample_url, t("voice.play", { name: v.name }), "", showProblem),
      v.is_shared ? dropButton(v.voice_id, v.name, reload) : null,
    ),
    h("p", { class: "small-text muted sample", lang: v.language }, v.sample_text),
    problem,
  );
}
