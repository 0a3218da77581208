// @ts-check
// The table of a new batch: a file, or pasted text; which columns it has.
import { dropZone } from "../components/file_input.js";
import { field } from "../components/form.js";
import { problemCard } from "../components/problem_card.js";
import { fill, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";

/**
 * @param {AbortSignal} signal @param {() => void} onchange
 * @returns {{el: HTMLElement, value: () => ({csv: string} | {jsonl: string} | null), columns: () => string[]}}
 */
export function batchTable(signal, onchange) {
  const problem = h("div", null);
  const text = h("textarea", {
    class: "input mono",
    rows: 6,
    spellcheck: "false",
    placeholder: t("batch.rows.example"),
    on: { input: onchange },
  });
  /** @param {File} file */
  async function read(file) {
    fill(problem);
    try {
      text.value = decoded(await file.arrayBuffer());
      onchange();
    } catch (error) {
      fill(problem, problemCard(error));
    }
  }
  const zone = dropZone({
    accept: ".csv,.tsv,.jsonl,.ndjson,.txt,text/csv",
    title: t("batch.drop"),
    help: t("batch.drop.help"),
    signal,
    icon: "file",
    onfile: (file) => void read(file),
  });
  return {
    el: h("div", { class: "stack" }, zone, problem, field(t("batch.rows.label"), text)),
    value: () => {
      const given = text.value;
      if (!given.trim()) return null;
      return given.trimStart().startsWith("{") ? { jsonl: given } : { csv: given };
    },
    columns: () => columnsOf(text.value),
  };
}

/** The text of a file: UTF-8, else GB18030, which spreadsheets in China write. @param {ArrayBuffer} bytes */
function decoded(bytes) {
  for (const encoding of ["utf-8", "gb18030"]) {
    try {
      return new TextDecoder(encoding, { fatal: true }).decode(bytes);
    } catch {
      // the next one
    }
  }
  throw new Error(t("batch.not_text"));
}

/** The names in the first line, for the buttons that insert them; the server reads the table. @param {string} text */
function columnsOf(text) {
  const first = text
    .replace(/^\ufeff/, "")
    .trimStart()
    .split("\n", 1)[0]
    .trim();
  if (!first) return [];
  if (first.startsWith("{")) {
    try {
      return Object.keys(JSON.parse(first));
    } catch {
      return [];
    }
  }
  const counts = [",", ";", "\t"].map((c) => first.split(c).length);
  const separator = [",", ";", "\t"][counts.indexOf(Math.max(...counts))];
  return first
    .split(separator)
    .map((name) => name.trim().replace(/^"(.*)"$/, "$1"))
    .filter(Boolean);
}
