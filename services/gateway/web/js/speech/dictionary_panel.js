// @ts-check
// The pronunciation dictionary: its words, a form for a new one, a file in and out.

import { announce } from "../components/announcements.js";
import { chooseFile } from "../components/file_input.js";
import { field, select } from "../components/form.js";
import { linkButton } from "../components/link_button.js";
import { isAbort, problemCard } from "../components/problem_card.js";
import { call, list } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";

/** @typedef {{word: string, say: string, language: "zh" | "en"}} Entry */

const PATH = "/pronunciations";

/**
 * @param {AbortSignal} signal @param {() => void} onchange after a word was added or deleted
 * @returns {{el: HTMLElement, load: () => void}}
 */
export function dictionaryPanel(signal, onchange) {
  const words = h("ul", { class: "dictionary-words" });
  const problem = h("div", { role: "alert" });
  /** @param {() => Promise<unknown>} work @param {string} done */
  async function change(work, done) {
    fill(problem);
    try {
      await work();
      announce(done);
      await load();
      onchange();
      return true;
    } catch (error) {
      if (!signal.aborted && !isAbort(error)) fill(problem, problemCard(error, { alert: false }));
      return false;
    }
  }
  const remove = (/** @type {Entry} */ { word }) =>
    void change(
      () => call("DELETE", `${PATH}/${encodeURIComponent(word)}`, { signal }),
      t("dictionary.deleted", { word }),
    );
  async function load() {
    try {
      const all = await list(PATH, signal);
      fill(words, ...all.map((/** @type {Entry} */ e) => wordRow(e, () => remove(e))));
    } catch (error) {
      if (!signal.aborted) fill(problem, problemCard(error, { alert: false }));
    }
  }
  const read = async (/** @type {File} */ file) => {
    const csv = await file.text();
    await change(() => call("POST", `${PATH}/import`, { body: { csv }, signal }), t("dictionary.imported"));
  };
  const form = wordForm((word, body) =>
    change(() => call("PUT", `${PATH}/${encodeURIComponent(word)}`, { body, signal }), t("dictionary.added", { word })),
  );
  const el = h(
    "div",
    { class: "stack tight dictionary", role: "group", "aria-label": t("dictionary.title") },
    h("h3", null, t("dictionary.title")),
    form,
    problem,
    words,
    fileButtons(read),
  );
  return { el, load: () => void load() };
}

/** @param {(file: File) => void} onfile */
const fileButtons = (onfile) =>
  h(
    "div",
    { class: "row wrap" },
    button({
      icon: "upload",
      label: t("dictionary.import"),
      kind: "small",
      onclick: () => chooseFile(".csv,.txt", onfile),
    }),
    linkButton({
      href: `/api/v1${PATH}/export`,
      label: t("dictionary.export"),
      icon: "download",
      kind: "small",
      download: true,
    }),
  );

/** @param {(word: string, body: {say: string, language: string}) => Promise<boolean>} send */
function wordForm(send) {
  const word = h("input", { class: "input", maxlength: 40, required: true });
  const say = h("input", { class: "input", maxlength: 120, required: true });
  const languages = ["zh", "en"].map((value) => ({ value, label: t(`dictionary.${value}`) }));
  const language = select(languages, "zh", () => showExample());
  const showExample = () => say.setAttribute("placeholder", t(`dictionary.example.${language.value}`));
  showExample();
  const submit = async (/** @type {Event} */ e) => {
    e.preventDefault();
    if (await send(word.value.trim(), { say: say.value.trim(), language: language.value })) {
      word.value = say.value = "";
      word.focus();
    }
  };
  return h(
    "form",
    { class: "dictionary-form", on: { submit } },
    field(t("dictionary.word"), word),
    field(t("dictionary.language"), language),
    field(t("dictionary.say"), say),
    h("button", { type: "submit", class: "button" }, t("dictionary.add")),
  );
}

/** @param {Entry} entry @param {() => void} onremove */
const wordRow = ({ word, say, language }, onremove) =>
  h(
    "li",
    { class: "row" },
    h("span", { lang: language }, word),
    h("span", { class: "mono muted grow" }, say),
    button({
      icon: "trash",
      label: t("dictionary.delete", { word }),
      bare: true,
      kind: "quiet small",
      onclick: onremove,
    }),
  );
