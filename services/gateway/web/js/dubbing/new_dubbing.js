// @ts-check
// The first step: a film, the language that it shall speak, a voice, names, and a statement about the person.
import { field, select } from "../components/form.js";
import { section } from "../components/layout.js";
import { problemCard } from "../components/problem_card.js";
import { consentChoice } from "../consent/consent_choice.js";
import { CHECK_TIMEOUT_MS, idempotentCreator } from "../core/api.js";
import { fill, h, icon } from "../core/dom.js";
import { loadPreference, savePreference } from "../core/preferences.js";
import { navigate } from "../core/router.js";
import { fetchEngines, invalidate } from "../core/server_state.js";
import { language, t } from "../i18n/translate.js";
import * as jobs from "../jobs/job_store.js";
import { voiceChip } from "../voices/voice_chip.js";
import { languageName } from "../voices/voice_labels.js";
import { filmField } from "./film_field.js";
import { glossaryField } from "./glossary_field.js";
import { languageModelNote } from "./language_model.js";

/** @typedef {import("./types.js").Term} Term */
/** @typedef {import("../core/types.js").Asset} Asset */
/** @typedef {import("../core/types.js").Voice} Voice */
/** @typedef {{language: string, source_language: string, voice_id: string, glossary: Term[]}} Settings */

const KEY = "draft.dubbing";

/** What was chosen last. @returns {Settings} */
const savedSettings = () => ({
  language: language() === "zh" ? "en" : "zh",
  source_language: "",
  voice_id: "",
  glossary: [],
  ...loadPreference(KEY, {}),
});

/** Fills the form in for another try. @param {Record<string, any>} params of the script's job */
export function keepSettings({ language, source_language, voice_id, glossary }) {
  const kept = { language, source_language: source_language ?? "", voice_id: voice_id ?? "", glossary: glossary ?? [] };
  savePreference(KEY, kept);
}

/** @param {AbortSignal} signal @param {string} filmId of the address, "" for none */
export function newDubbing(signal, filmId) {
  const settings = savedSettings();
  const missing = { model: false };
  /** @type {Asset | null} */
  let film = null;
  const set = (/** @type {Partial<Settings>} */ change) => savePreference(KEY, Object.assign(settings, change));
  const why = h("p", { class: "small-text muted", id: "dubbing-why" });
  const start = h(
    "button",
    { type: "submit", class: "button primary large", "aria-describedby": "dubbing-why" },
    icon("text"),
    t("dubbing.start"),
  );
  const problem = h("div", { class: "note-place" });
  const consent = consentChoice({ face: true });
  const create = idempotentCreator("/dubbings", CHECK_TIMEOUT_MS);
  let isBusy = false;
  function draw() {
    start.disabled = missing.model || !film || isBusy;
    why.textContent = missing.model ? t("dubbing.no_model") : film ? "" : t("dubbing.no_film");
  }
  const submit = async (/** @type {Event} */ e) => {
    e.preventDefault();
    if (!film || start.disabled) return;
    fill(problem);
    isBusy = true;
    draw();
    try {
      const job = jobs.created(await create({ ...requestOf(film, settings), ...consent.field() }));
      invalidate("consents");
      navigate(`/dubbing?job=${encodeURIComponent(job.id)}`);
    } catch (error) {
      consent.refused(error);
      fill(problem, problemCard(error));
    }
    isBusy = false;
    draw();
  };
  const model = languageModelNote(signal, (isMissing) => {
    missing.model = isMissing;
    draw();
  });
  const filmPlace = filmField(filmId, signal, (chosen) => {
    film = chosen;
    fill(problem);
    draw();
  });
  draw();
  const form = h(
    "form",
    { class: "stack loose", on: { submit } },
    section(t("dubbing.film"), [], filmPlace),
    section(t("dubbing.into"), [], h("div", { class: "stack" }, speechFields(settings, set))),
    glossaryField(settings.glossary, (glossary) => set({ glossary })).el,
    consent.el,
    h("div", { class: "stack" }, h("div", { class: "row wrap" }, start, why), problem),
  );
  return h("div", { class: "stack loose" }, model, form);
}

/** @param {Asset} film @param {Settings} settings */
const requestOf = (film, { language, source_language, voice_id, glossary }) => ({
  film_asset_id: film.id,
  language,
  source_language: source_language || undefined,
  voice_id: voice_id || undefined,
  glossary,
});

/** Languages and the voice. @param {Settings} settings @param {(change: Partial<Settings>) => void} set */
function speechFields(settings, set) {
  const chip = voiceChip({
    kind: "button voice-of-film",
    chosen: settings.voice_id,
    text: (name) => name,
    label: (name) => t("dubbing.voice.n", { name }),
    automatic: t("dubbing.voice.auto"),
    arrange: (all) => arranged(all, settings.language),
    onchange: (voice_id) => set({ voice_id }),
  });
  const languages = h("div", { class: "grid" });
  const draw = (/** @type {string[]} */ spoken, /** @type {string[]} */ heard) => {
    const options = (/** @type {string[]} */ all) => all.map((value) => ({ value, label: languageName(value) }));
    const target = select(options(spoken), settings.language, (language) => set({ language }));
    set({ language: target.value });
    const automatic = { value: "", label: t("dubbing.source.auto") };
    const source = select([automatic, ...options(heard)], settings.source_language, (v) => set({ source_language: v }));
    const voice = h(
      "div",
      { class: "field" },
      h("span", { class: "label" }, t("dubbing.voice")),
      chip.el,
      h("p", { class: "help" }, t("dubbing.voice.help")),
    );
    fill(languages, field(t("dubbing.language"), target), field(t("dubbing.source"), source), voice);
  };
  draw(["zh", "en"], ["zh", "en"]);
  fetchEngines().then(
    ({ items }) => {
      const of = (/** @type {string} */ service) =>
        [...new Set(items.filter((e) => e.service === service && e.available).flatMap((e) => e.languages))].map(plain);
      const [spoken, heard] = [of("tts"), of("asr")];
      draw(spoken.length ? unique(spoken) : ["zh", "en"], heard.length ? unique(heard) : ["zh", "en"]);
    },
    () => {}, // the two that every engine speaks
  );
  return languages;
}

const plain = (/** @type {string} */ code) => code.split("-")[0].toLowerCase();
const unique = (/** @type {string[]} */ all) => [...new Set(all)];

/** One's own voices first, then those of the language. @param {Voice[]} all @param {string} wanted */
function arranged(all, wanted) {
  const rank = (/** @type {Voice} */ v) => (v.is_cloned ? 0 : plain(v.language) === plain(wanted) ? 1 : 2);
  return [...all].sort((a, b) => rank(a) - rank(b));
}
