// @ts-check
// What was said in a conversation, to copy or to keep as a file.
import { copyText, toast } from "../components/announcements.js";
import { openDialog } from "../components/dialog.js";
import { get, problemOf } from "../core/api.js";
import { button, h } from "../core/dom.js";
import { formatDate } from "../core/format.js";
import { t } from "../i18n/translate.js";

/** @typedef {{title: string, created_at: string, messages: import("../core/types.js").Message[]}} Conversation */

/** @param {Conversation} conversation @param {boolean} [isMarkdown] whether title and names are marked */
export function transcriptOf({ title, created_at, messages }, isMarkdown = true) {
  const lines = messages.map((message) => {
    const who = t(message.role === "user" ? "transcript.you" : "transcript.avatar");
    const mark = message.interrupted ? ` (${t("transcript.interrupted")})` : "";
    return `${isMarkdown ? `**${who}**` : who}${mark}: ${message.text}`;
  });
  return [isMarkdown ? `# ${title}` : title, formatDate(created_at), ...lines, ""].join("\n\n");
}

/** @param {string} id of the conversation */
export async function openTranscript(id) {
  /** @type {Conversation} */
  let conversation;
  try {
    conversation = await get(`/conversations/${encodeURIComponent(id)}`);
  } catch (error) {
    return toast(problemOf(error).title);
  }
  const text = transcriptOf(conversation);
  const words = h("textarea", { class: "input transcript", rows: 12, readonly: true, "aria-label": t("transcript") });
  words.value = text;
  openDialog({
    title: t("transcript"),
    wide: 560,
    body: [
      h(
        "div",
        { class: "stack" },
        words,
        h(
          "div",
          { class: "row wrap" },
          button({ icon: "copy", label: t("transcript.copy"), kind: "small", onclick: () => void copyText(text) }),
          fileButton(
            t("transcript.plain"),
            `${fileName(conversation.title)}.txt`,
            "text/plain",
            transcriptOf(conversation, false),
          ),
          fileButton("Markdown", `${fileName(conversation.title)}.md`, "text/markdown", text),
          fileButton("JSON", `${fileName(conversation.title)}.json`, "application/json", jsonOf(conversation)),
        ),
      ),
    ],
  });
}

/** @param {Conversation} conversation */
const jsonOf = ({ title, created_at, messages }) =>
  JSON.stringify(
    {
      title,
      created_at,
      messages: messages.map(({ role, text, created_at: at, interrupted, rating }) => ({
        role,
        text,
        created_at: at,
        interrupted: Boolean(interrupted),
        rating: rating ?? null,
      })),
    },
    null,
    2,
  );

/** @param {string} title */
const fileName = (title) =>
  title
    .replace(/[^\p{L}\p{N} _-]+/gu, "")
    .trim()
    .slice(0, 60) || "huasheng";

/** @param {string} label @param {string} name @param {string} type @param {string} text */
const fileButton = (label, name, type, text) =>
  button({
    icon: "download",
    label,
    kind: "small",
    onclick: () => {
      const url = URL.createObjectURL(new Blob([text], { type }));
      h("a", { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    },
  });
