// @ts-check
// Voices: listen, filter, and make one's own where an engine can.
import { call, upload } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { stale, voices } from "../core/facts.js";
import { clock } from "../core/format.js";
import { language, t } from "../core/i18n.js";
import { recall, remember } from "../core/prefs.js";
import { field, page, pill, section, select } from "../parts/bits.js";
import { confirmDialog } from "../parts/dialog.js";
import { ACCEPT, chooseFile, takesFiles } from "../parts/files.js";
import { micButton } from "../parts/mic.js";
import { languageName, soundButton, voiceFace, voiceFacts } from "../parts/people.js";
import { empty, loaded, problemCard, toast } from "../parts/say.js";

/** @typedef {import("../core/types.js").Voice} Voice */

const LONGEST_S = 10;

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function voicesPage({ signal }) {
  let wanted = recall("voices.filter", { language: "", gender: "" });
  const place = loaded(voices, (all) => {
    const list = h("ul", { class: "grid voices", "aria-live": "polite" });
    const draw = () => {
      remember("voices.filter", wanted);
      const some = all.filter((v) => (!wanted.language || languageKey(v) === wanted.language) && (!wanted.gender || v.gender === wanted.gender));
      fill(list, ...(some.length ? some.map((v) => row(v, reload)) : [h("li", null, empty("voice", t("voices.none")))]));
    };
    const languages = [...new Set(all.map(languageKey))];
    draw();
    return [
      h(
        "div",
        { class: "row wrap filters" },
        field(t("voices.language"), select([{ value: "", label: t("all") }, ...languages.map((l) => ({ value: l, label: languageName(l) }))], wanted.language, (v) => ((wanted = { ...wanted, language: v }), draw()))),
        field(t("voices.gender"), select([{ value: "", label: t("all") }, ...["female", "male"].map((g) => ({ value: g, label: t(`gender.${g}`) }))], wanted.gender, (v) => ((wanted = { ...wanted, gender: v }), draw()))),
      ),
      list,
    ];
  }, { skeletons: 6, height: 64 });
  function reload() {
    stale("voices");
    void place.reload();
  }
  return page(t("nav.voices"), t("voices.lead"), section(t("voices.all"), [], place.el), section(t("voices.clone"), [], cloneForm(signal, reload)));
}

/** @param {Voice} v */
const languageKey = (v) => v.language.split("-")[0].toLowerCase();

/** @param {Voice} v @param {() => void} changed */
function row(v, changed) {
  const el = h("li", { class: "card voice" });
  async function remove() {
    if (!(await confirmDialog({ title: t("voices.delete", { name: v.name }), text: t("voices.delete.text"), yes: t("delete") }))) return;
    try {
      await call("DELETE", `/voices/${encodeURIComponent(v.voice_id)}`);
      changed();
    } catch (error) {
      el.append(problemCard(error));
    }
  }
  el.append(
    h(
      "div",
      { class: "row" },
      voiceFace(v),
      h("div", { class: "grow" }, h("p", { class: "row" }, h("strong", { class: "clip" }, v.name), v.is_default ? pill(t("voice.default"), "plain") : null), h("p", { class: "small-text muted clip" }, voiceFacts(v))),
      soundButton(v.sample_url, t("voice.play", { name: v.name }), ""),
      v.is_cloned ? button({ icon: "trash", label: t("voices.delete", { name: v.name }), bare: true, onclick: () => void remove() }) : null,
    ),
    h("p", { class: "small-text muted sample", lang: v.language }, v.sample_text),
  );
  return el;
}

/** @param {AbortSignal} signal @param {() => void} made */
function cloneForm(signal, made) {
  /** @type {File | null} */
  let file = null;
  const chosen = h("span", { class: "clip small-text" });
  const trouble = h("div", null);
  const time = h("span", { class: "num small-text muted" }, t("voices.record", { of: clock(LONGEST_S) }));
  const mic = micButton({ signal, took, compact: true, limit_s: () => LONGEST_S, ontime: (now) => (time.textContent = now), onstate: () => (time.textContent = t("voices.record", { of: clock(LONGEST_S) })) });
  const name = h("input", { class: "input", maxlength: 60, required: true, autocomplete: "off" });
  const giver = h("input", { class: "input", maxlength: 80, required: true, autocomplete: "name" });
  const consent = h("input", { type: "checkbox", required: true });
  const transcript = h("textarea", { class: "input", rows: 2, lang: language() });
  let tongue = language() === "zh" ? "zh-CN" : "en-US";
  const submit = h("button", { type: "submit", class: "button primary", disabled: true }, t("voices.make"));

  /** @param {File} one */
  function took(one) {
    file = one;
    submit.disabled = false;
    fill(chosen, one.name);
    const url = URL.createObjectURL(one);
    signal.addEventListener("abort", () => URL.revokeObjectURL(url));
    chosen.prepend(soundButton(url, t("file.play", { name: one.name })));
  }
  async function make(/** @type {Event} */ e) {
    e.preventDefault();
    if (!file) return;
    submit.disabled = true;
    fill(trouble);
    try {
      const said = { consent: t("voices.consent"), consent_by: giver.value.trim() };
      await upload("/voices", { file, name: name.value.trim(), language: tongue, transcript: transcript.value.trim(), ...said }, { signal });
      toast(t("voices.made", { name: name.value.trim() }));
      made();
    } catch (error) {
      if (!signal.aborted) fill(trouble, problemCard(error));
    }
    submit.disabled = false;
  }
  const form = h(
    "form",
    { class: "card clone", on: { submit: make } },
    h("p", { class: "muted" }, t("voices.clone.text")),
    h("div", { class: "row wrap record" }, mic.el, time, button({ icon: "upload", label: t("file.choose"), onclick: () => chooseFile(ACCEPT.audio, took) }), chosen),
    h("div", { class: "grid" }, field(t("voices.name"), name), field(t("voices.language"), select([{ value: "zh-CN", label: languageName("zh") }, { value: "en-US", label: languageName("en") }], tongue, (v) => (tongue = v)))),
    field(t("voices.transcript"), transcript, t("voices.transcript.help")),
    field(t("voices.giver"), giver, t("voices.giver.help")),
    h("label", { class: "check" }, consent, t("voices.consent")),
    h("div", null, submit),
    trouble,
  );
  takesFiles(form, signal, took);
  return form;
}
