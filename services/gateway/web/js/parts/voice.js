// @ts-check
// A voice of one's own: heard, tried, renamed in place, its recordings, its end.
import { call, speech, upload } from "../core/api.js";
import { button, fill, h, say } from "../core/dom.js";
import { avatars, stale } from "../core/facts.js";
import { moment, number } from "../core/format.js";
import { language, t } from "../core/i18n.js";
import { field, pill } from "./bits.js";
import { confirmDialog } from "./dialog.js";
import { play, soundButton, voiceFace, voiceFacts } from "./people.js";
import { isAbort, note, problemCard, toast } from "./say.js";
import { turnIcon } from "./result.js";
import { sending, takePart } from "./take.js";

/** @typedef {import("../core/types.js").Voice} Voice */

const MOST_CLIPS = 5;

/** @param {Voice} first @param {AbortSignal} signal @param {() => void} gone called when it was deleted @returns {HTMLElement} */
export function ownVoice(first, signal, gone) {
  let voice = first;
  const path = `/voices/${encodeURIComponent(voice.voice_id)}`;
  const el = h("li", { class: "card voice own-voice", "data-voice": voice.voice_id });
  const trouble = h("div", null);
  const told = (/** @type {unknown} */ error) => isAbort(error) || signal.aborted || fill(trouble, problemCard(error));
  const picture = h("span", null);
  const name = h("div", { class: "row name" });
  const facts = h("p", { class: "small-text muted" });
  const sample = h("span", null);
  const bin = h("span", null);
  const clips = h("div", { class: "inside stack" });
  const count = h("span", null);

  function draw() {
    fill(picture, voiceFace(voice));
    fill(
      facts,
      voiceFacts(voice),
      ...(voice.consent
        ? [" · ", t("voices.agreed", { name: voice.consent.given_by }), " ", moment(voice.consent.recorded_at)]
        : []),
    );
    fill(
      sample,
      soundButton(
        `${voice.sample_url}?v=${voice.clips.map((c) => c.clip_id.slice(0, 4)).join("")}`,
        t("voice.play", { name: voice.name }),
        "",
        told,
      ),
    );
    fill(
      bin,
      button({
        icon: "trash",
        label: t("voices.delete", { name: voice.name }),
        bare: true,
        onclick: () => void remove(),
      }),
    );
    say(count, t("voices.clips", { n: voice.clips.length }));
    showName();
  }
  function showName(focus = false) {
    const edit = button({
      icon: "edit",
      label: t("voices.rename", { name: voice.name }),
      bare: true,
      kind: "small",
      onclick: rename,
    });
    fill(name, h("strong", { class: "clip" }, voice.name), edit);
    if (focus) edit.focus();
  }
  function rename() {
    const input = h("input", {
      class: "input",
      value: voice.name,
      maxlength: 80,
      required: true,
      autocomplete: "off",
      "aria-label": t("voices.rename.new"),
    });
    const form = h(
      "form",
      {
        class: "row grow renaming",
        on: {
          submit: async (/** @type {Event} */ e) => {
            e.preventDefault();
            const wanted = input.value.trim();
            if (!wanted || wanted === voice.name) return showName(true);
            input.disabled = true;
            fill(trouble);
            try {
              voice = await call("PATCH", path, { body: { name: wanted }, signal });
              stale("voices");
              draw();
              showName(true);
              toast(t("voices.renamed", { name: voice.name }));
            } catch (error) {
              told(error);
              input.disabled = false;
              input.focus();
            }
          },
          keydown: (/** @type {KeyboardEvent} */ e) => e.key === "Escape" && showName(true),
        },
      },
      input,
      button({ icon: "check", label: t("voices.rename.save"), bare: true, kind: "small", type: "submit" }),
      button({ icon: "close", label: t("cancel"), bare: true, kind: "small", onclick: () => showName(true) }),
    );
    fill(name, form);
    input.focus();
    input.select();
  }
  async function remove() {
    const users = (await avatars().catch(() => [])).filter((a) => a.voice_id === voice.voice_id).map((a) => a.name);
    const used = users.length ? t("voices.delete.used", { names: users.join(language() === "zh" ? "、" : ", ") }) : "";
    if (
      !(await confirmDialog({
        title: t("voices.delete", { name: voice.name }),
        text: `${t("voices.delete.text")} ${used}`.trim(),
        yes: t("delete"),
      }))
    )
      return;
    try {
      await call("DELETE", path);
      stale("avatars");
      toast(t("voices.deleted", { name: voice.name }));
      gone();
    } catch (error) {
      told(error);
    }
  }
  /** @param {Voice} now */
  function changed(now) {
    voice = now;
    stale("voices");
    draw();
    fill(clips, ...clipsOf(voice, path, signal, changed));
  }
  const folds = [
    h(
      "details",
      { class: "fold" },
      h("summary", null, turnIcon(), t("voices.try")),
      h("div", { class: "inside" }, tryIt(first, signal)),
    ),
    h("details", { class: "fold" }, h("summary", null, turnIcon(), count), clips),
  ];
  folds[1].addEventListener(
    "toggle",
    () => folds[1].open && !clips.childElementCount && fill(clips, ...clipsOf(voice, path, signal, changed)),
  );
  draw();
  el.append(
    h("div", { class: "row" }, picture, h("div", { class: "grow" }, name, facts), sample, bin),
    trouble,
    ...folds,
  );
  return el;
}

/** A sentence of one's own in that voice. @param {Voice} voice @param {AbortSignal} signal */
function tryIt(voice, signal) {
  const words = h("input", {
    class: "input",
    maxlength: 200,
    required: true,
    value: voice.sample_text,
    lang: voice.language,
  });
  const go = h("button", { type: "submit", class: "button" }, t("voices.try.say"));
  const state = h("p", { class: "small-text muted", role: "status" });
  const trouble = h("div", null);
  let made = { text: "", url: "" };
  const form = h(
    "form",
    {
      class: "stack tight",
      on: {
        submit: async (/** @type {Event} */ e) => {
          e.preventDefault();
          fill(trouble);
          const text = words.value.trim();
          if (!text) return;
          go.disabled = true;
          try {
            if (made.text !== text) {
              say(state, t("voices.try.wait"));
              const url = URL.createObjectURL(
                await speech({ text, voice_id: voice.voice_id, fallback: false }, signal),
              );
              signal.addEventListener("abort", () => URL.revokeObjectURL(url));
              made = { text, url };
            }
            await play(made.url).play();
          } catch (error) {
            if (!signal.aborted && !isAbort(error)) fill(trouble, problemCard(error));
          }
          say(state, "");
          go.disabled = false;
        },
      },
    },
    field(t("voices.try.words"), words),
    h("div", { class: "row wrap" }, go, state),
    trouble,
  );
  return form;
}

/** @param {Voice} voice @param {string} path @param {AbortSignal} signal @param {(voice: Voice) => void} changed */
function clipsOf(voice, path, signal, changed) {
  const trouble = h("div", null);
  const only = voice.clips.length === 1;
  /** @param {string} id @param {number} n */
  async function remove(id, n) {
    if (
      !(await confirmDialog({
        title: t("voices.clips.remove", { n }),
        text: t("voices.clips.remove.text"),
        yes: t("delete"),
      }))
    )
      return;
    try {
      const now = await call("DELETE", `${path}/clips/${id}`, { signal });
      toast(t("voices.clips.removed", { n: now.clips.length }));
      changed(now);
    } catch (error) {
      if (!signal.aborted) fill(trouble, problemCard(error));
    }
  }
  const row = (/** @type {import("../core/types.js").VoiceClip} */ clip, /** @type {number} */ i) =>
    h(
      "li",
      { class: "row clip-row" },
      soundButton(clip.url, t("voices.clips.play", { n: i + 1 })),
      h(
        "div",
        { class: "grow" },
        h("p", { lang: voice.language }, clip.transcript || "…"),
        h(
          "p",
          { class: "small-text muted num" },
          t("voices.clips.facts", { s: number(clip.seconds, 1), db: number(clip.snr_db) }),
          i ? "" : h("span", null, " · ", pill(t("voices.clips.first"), "plain")),
        ),
      ),
      button({
        icon: "trash",
        label: only ? t("voices.clips.last") : t("voices.clips.remove", { n: i + 1 }),
        bare: true,
        kind: "small",
        disabled: only,
        onclick: () => void remove(clip.clip_id, i + 1),
      }),
    );
  return [
    h("p", { class: "small-text muted" }, t("voices.clips.help", { most: MOST_CLIPS })),
    h("ol", { class: "stack tight clip-list" }, ...voice.clips.map(row)),
    trouble,
    voice.clips.length < MOST_CLIPS
      ? addClip(path, signal, changed)
      : note(t("voices.clips.full", { most: MOST_CLIPS })),
  ];
}

/** @param {string} path @param {AbortSignal} signal @param {(voice: Voice) => void} changed */
function addClip(path, signal, changed) {
  /** @type {File | null} */
  let file = null;
  const place = h("div", null);
  const add = button({ label: t("voices.clips.add"), disabled: true, onclick: () => void send() });
  const take = takePart(signal, (one) => {
    file = one;
    add.disabled = !one;
  });
  async function send() {
    if (!file) return;
    const one = file;
    add.disabled = true;
    try {
      const now = await sending(
        place,
        (onprogress, stop) => upload(`${path}/clips`, { file: one }, { onprogress, signal: stop }),
        signal,
      );
      toast(t("voices.clips.added", { n: now.clips.length }));
      changed(now);
    } catch (error) {
      add.disabled = false;
      if (!isAbort(error)) fill(place, problemCard(error));
    }
  }
  return h("div", { class: "stack tight" }, take.el, h("div", null, add), place);
}
