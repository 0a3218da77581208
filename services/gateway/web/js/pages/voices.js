// @ts-check
// Voices: listen, filter, and make one's own where an engine can.
import { upload } from "../core/api.js";
import { fill, h, icon } from "../core/dom.js";
import { stale, voiceList } from "../core/facts.js";
import { language, t } from "../core/i18n.js";
import { recall, remember } from "../core/prefs.js";
import { field, page, pill, section, select } from "../parts/bits.js";
import { takesFiles } from "../parts/files.js";
import { languageName, soundButton, voiceFace, voiceFacts } from "../parts/people.js";
import { empty, isAbort, loaded, problemCard, toast } from "../parts/say.js";
import { sending, takePart } from "../parts/take.js";
import { ownVoice } from "../parts/voice.js";

/** @typedef {import("../core/types.js").Voice} Voice */
/** @typedef {import("../core/types.js").ProblemBody} ProblemBody */

const LANGUAGES = { zh: "zh-CN", en: "en-US", ja: "ja-JP", ko: "ko-KR", yue: "yue-HK" };

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function voicesPage({ signal }) {
  const own = h("ul", { class: "stack own-voices" });
  const mine = section(t("voices.own"), [], own);
  mine.hidden = true;
  const cloning = h("div", { class: "stack" });
  /** @type {string | undefined} */
  let why;
  const place = loaded(
    voiceList,
    ({ items, cloning_problem, cloning_weights }) => {
      const made = items.filter((v) => v.is_cloned);
      mine.hidden = !made.length;
      fill(own, ...made.map((v) => ownVoice(v, signal, reload)));
      if (why !== (cloning_problem?.reason ?? "")) {
        // what is being filled in stays while the list changes
        why = cloning_problem?.reason ?? "";
        fill(cloning, cloning_problem ? cannot(cloning_problem) : cloneForm(signal, cloning_weights, reload));
        if (cloning_problem) body.append(making); // what cannot be done here comes last
      }
      return others(items.filter((v) => !v.is_cloned));
    },
    { skeletons: 6, height: 64 },
  );
  function reload() {
    stale("voices");
    void place.reload();
  }
  const making = section(t("voices.clone"), [], cloning);
  const body = page(t("nav.voices"), t("voices.lead"), mine, making, section(t("voices.all"), [], place.el));
  return body;
}

/** Why no voice can be cloned here and what to install: no fault, so it is told calmly. @param {ProblemBody} why */
const cannot = (why) =>
  h(
    "div",
    { class: "note", "data-reason": why.reason },
    icon("info"),
    h(
      "div",
      { class: "stack tight" },
      h("p", null, h("strong", null, why.title)),
      h("p", null, why.detail),
      h("p", null, why.hint),
    ),
  );

/** The voices that came with the engines. @param {Voice[]} all */
function others(all) {
  let wanted = recall("voices.filter", { language: "", gender: "" });
  const list = h("ul", { class: "grid voices", "aria-live": "polite" });
  const draw = () => {
    remember("voices.filter", wanted);
    const some = all.filter(
      (v) => (!wanted.language || languageKey(v) === wanted.language) && (!wanted.gender || v.gender === wanted.gender),
    );
    fill(list, ...(some.length ? some.map(row) : [h("li", null, empty("voice", t("voices.none")))]));
  };
  const languages = [...new Set(all.map(languageKey))];
  draw();
  return [
    h(
      "div",
      { class: "row wrap filters" },
      field(
        t("voices.language"),
        select(
          [{ value: "", label: t("all") }, ...languages.map((l) => ({ value: l, label: languageName(l) }))],
          wanted.language,
          (v) => ((wanted = { ...wanted, language: v }), draw()),
        ),
      ),
      field(
        t("voices.gender"),
        select(
          [{ value: "", label: t("all") }, ...["female", "male"].map((g) => ({ value: g, label: t(`gender.${g}`) }))],
          wanted.gender,
          (v) => ((wanted = { ...wanted, gender: v }), draw()),
        ),
      ),
    ),
    list,
  ];
}

/** @param {Voice} v */
const languageKey = (v) => v.language.split("-")[0].toLowerCase();

/** @param {Voice} v */
function row(v) {
  const trouble = h("div", null);
  return h(
    "li",
    { class: "card voice" },
    h(
      "div",
      { class: "row" },
      voiceFace(v),
      h(
        "div",
        { class: "grow" },
        h(
          "p",
          { class: "row" },
          h("strong", { class: "clip" }, v.name),
          v.is_default ? pill(t("voice.default"), "plain") : null,
        ),
        h("p", { class: "small-text muted clip" }, voiceFacts(v)),
      ),
      soundButton(v.sample_url, t("voice.play", { name: v.name }), "", (error) => fill(trouble, problemCard(error))),
    ),
    h("p", { class: "small-text muted sample", lang: v.language }, v.sample_text),
    trouble,
  );
}

/** @param {AbortSignal} signal @param {string[]} weights those that the voice may go with @param {() => void} made */
function cloneForm(signal, weights, made) {
  /** @type {File | null} */
  let file = null;
  const trouble = h("div", null);
  const name = h("input", { class: "input", maxlength: 60, required: true, autocomplete: "off" });
  const giver = h("input", { class: "input", maxlength: 80, required: true, autocomplete: "name" });
  const consent = h("input", { type: "checkbox", required: true });
  const transcript = h("textarea", { class: "input", rows: 2, maxlength: 500, lang: language() });
  let tongue = LANGUAGES[language()];
  let chosen = weights[0] ?? "";
  const submit = h("button", { type: "submit", class: "button primary", disabled: true }, t("voices.make"));
  const take = takePart(signal, (one) => {
    file = one;
    submit.disabled = !one;
    fill(trouble);
  });

  async function make(/** @type {Event} */ e) {
    e.preventDefault();
    if (!file) return;
    const one = file;
    submit.disabled = true;
    try {
      const fields = {
        name: name.value.trim(),
        language: tongue,
        transcript: transcript.value.trim(),
        consent: t("voices.consent"),
        consent_by: giver.value.trim(),
        weights: chosen,
      };
      await sending(
        trouble,
        (onprogress, stop) => upload("/voices", { file: one, ...fields }, { onprogress, signal: stop }),
        signal,
      );
      toast(t("voices.made", { name: name.value.trim() }));
      take.clear();
      name.value = transcript.value = "";
      consent.checked = false;
      made();
    } catch (error) {
      submit.disabled = false;
      if (!isAbort(error)) fill(trouble, problemCard(error));
    }
  }
  const form = h(
    "form",
    { class: "card clone", on: { submit: make } },
    h("p", { class: "muted" }, t("voices.clone.text")),
    take.el,
    h(
      "div",
      { class: "grid" },
      field(t("voices.name"), name),
      field(
        t("voices.language"),
        select(
          Object.entries(LANGUAGES).map(([key, value]) => ({ value, label: languageName(key) })),
          tongue,
          (v) => (tongue = v),
        ),
      ),
      weights.length > 1
        ? field(
            t("voices.weights"),
            select(
              weights.map((w) => ({ value: w, label: w })),
              chosen,
              (v) => (chosen = v),
            ),
            t("voices.weights.help"),
          )
        : null,
    ),
    field(t("voices.transcript"), transcript, t("voices.transcript.help")),
    field(t("voices.giver"), giver, t("voices.giver.help")),
    h("label", { class: "check" }, consent, t("voices.consent")),
    h("div", null, submit),
    trouble,
  );
  takesFiles(form, signal, take.took);
  return form;
}
