// @ts-check
// The template of a new batch: written here, or a draft whose texts name columns.
import { avatarChoices } from "../avatars/avatar_choices.js";
import { field, select } from "../components/form.js";
import { get, list } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { fetchVoices } from "../core/server_state.js";
import { t } from "../i18n/translate.js";

/** @typedef {{id: string, name: string}} DraftHead */

const EXAMPLE = "{{name}}";

/**
 * @param {AbortSignal} signal @param {() => void} onchange
 * @returns {{el: HTMLElement, value: () => Promise<Record<string, any> | null>, setColumns: (names: string[]) => void}}
 *   `value`: null while nothing is to be said
 */
export function batchTemplate(signal, onchange) {
  let draft = "";
  const written = writtenTemplate(onchange);
  const help = h("p", { class: "small-text muted" }, t("batch.template.draft.help", { column: EXAMPLE }));
  help.hidden = true;
  const of = draftChoice(signal, (id) => {
    draft = id;
    written.el.hidden = Boolean(id);
    help.hidden = !id;
    onchange();
  });
  return {
    el: h("div", { class: "stack" }, of, help, written.el),
    value: async () => (draft ? (await get(`/drafts/${encodeURIComponent(draft)}`, signal)).script : written.value()),
    setColumns: written.setColumns,
  };
}

/**
 * Where the template comes from; nothing to choose without drafts.
 * @param {AbortSignal} signal @param {(id: string) => void} onchoose
 */
function draftChoice(signal, onchoose) {
  const place = h("div", null);
  list("/drafts", signal).then(
    (/** @type {DraftHead[]} */ drafts) => {
      if (!drafts.length) return;
      const options = drafts.map(({ id, name }) => ({
        value: id,
        label: t("batch.template.draft", { name: name || t("batch.template.unnamed") }),
      }));
      const here = { value: "", label: t("batch.template.here") };
      fill(place, field(t("batch.template.of"), select([here, ...options], "", onchoose)));
    },
    () => {}, // it can be written here
  );
  return place;
}

/** @param {() => void} onchange */
function writtenTemplate(onchange) {
  const text = h("textarea", {
    class: "input",
    rows: 4,
    placeholder: t("batch.template.example", { who: "{{name}}", what: "{{product}}" }),
    on: { input: onchange },
  });
  const subtitles = h("input", { type: "checkbox", checked: true, on: { change: onchange } });
  const columns = h("div", { class: "row wrap" });
  const who = whoSpeaks(onchange);

  /** @param {string} name */
  function insert(name) {
    text.setRangeText(`{{${name}}}`, text.selectionStart, text.selectionEnd, "end");
    text.focus();
    onchange();
  }
  return {
    el: h(
      "div",
      { class: "stack" },
      field(t("batch.template.text"), text, t("batch.template.help", { column: EXAMPLE })),
      columns,
      who.el,
      h("label", { class: "check" }, subtitles, t("batch.subtitles")),
    ),
    value: () => (text.value.trim() ? { text: text.value.trim(), ...who.value(), subtitles: subtitles.checked } : null),
    /** @param {string[]} names */
    setColumns: (names) => {
      const buttons = names.map((name) => button({ label: `{{${name}}}`, kind: "small", onclick: () => insert(name) }));
      fill(columns, names.length ? h("span", { class: "small-text muted" }, t("batch.columns")) : null, ...buttons);
    },
  };
}

/** Avatar and voice. @param {() => void} onchange */
function whoSpeaks(onchange) {
  const chosen = { avatar: "", voice: "" };
  /** @type {import("../core/types.js").AvatarChoice[]} */
  let choices = [];
  const [avatar, voice] = [h("div", null), h("div", null)];
  /** @param {"avatar" | "voice"} what */
  const choosing = (what) => (/** @type {string} */ value) => {
    chosen[what] = value;
    onchange();
  };
  avatarChoices().then(
    (all) => {
      choices = all;
      chosen.avatar = all[0]?.key ?? "";
      const options = all.map(({ key, name }) => ({ value: key, label: name }));
      fill(avatar, field(t("batch.avatar"), select(options, chosen.avatar, choosing("avatar"))));
    },
    () => {}, // the server's default
  );
  fetchVoices().then(
    (voices) => {
      const options = voices.map((v) => ({ value: v.voice_id, label: v.name }));
      const automatic = { value: "", label: t("batch.voice.auto") };
      fill(voice, field(t("batch.voice"), select([automatic, ...options], "", choosing("voice"))));
    },
    () => {},
  );
  return {
    el: h("div", { class: "grid" }, avatar, voice),
    value: () => {
      const person = choices.find((c) => c.key === chosen.avatar);
      const model = person?.model;
      return {
        avatar_id: person?.avatar.id || undefined,
        model: model?.id,
        engine: model?.engine,
        voice_id: chosen.voice || undefined,
      };
    },
  };
}
