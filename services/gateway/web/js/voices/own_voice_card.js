// @ts-check
// A cloned voice: play, try, rename, manage its recordings, delete.

import { toast } from "../components/announcements.js";
import { confirmDialog } from "../components/dialog.js";
import { fold } from "../components/fold.js";
import { isAbort, problemCard } from "../components/problem_card.js";
import { soundButton } from "../components/sound_button.js";
import { call } from "../core/api.js";
import { button, fill, h, setText } from "../core/dom.js";
import { consentFacts } from "../consent/consent_facts.js";
import { timeElement } from "../core/format.js";
import { fetchAvatars, invalidate } from "../core/server_state.js";
import { language, t } from "../i18n/translate.js";
import { trySentenceForm } from "./try_sentence_form.js";
import { shareButton } from "../sharing/share_dialog.js";
import { voiceClips } from "./voice_clips.js";
import { voiceInitial, voiceSummary } from "./voice_labels.js";

/** @typedef {import("../core/types.js").Voice} Voice */

/**
 * @param {Voice} first
 * @param {AbortSignal} signal
 * @param {() => void} ondeleted
 * @returns {HTMLElement}
 */
export function ownVoiceCard(first, signal, ondeleted) {
  let voice = first;
  const path = `/voices/${encodeURIComponent(voice.voice_id)}`;
  const problem = h("div", null);
  const showProblem = (/** @type {unknown} */ error) =>
    isAbort(error) || signal.aborted || fill(problem, problemCard(error));
  const head = cardHead(showProblem, () => void deleteVoice(voice, path, ondeleted, showProblem));
  const name = renamableName(path, problem, showProblem, signal, (renamed) => {
    voice = renamed;
    invalidate("voices");
    draw();
  });
  const clips = h("div", { class: "inside stack" });
  const clipCount = h("span", null);

  function draw() {
    head.draw(voice);
    setText(clipCount, t("voices.clips", { n: voice.clips.length }));
    name.draw(voice);
  }
  const drawClips = () => fill(clips, ...voiceClips(voice, path, signal, clipsChanged));
  /** @param {Voice} changed */
  function clipsChanged(changed) {
    voice = changed;
    invalidate("voices");
    draw();
    drawClips();
  }
  const tryFold = fold([t("voices.try")], h("div", { class: "inside" }, trySentenceForm(first, signal)));
  const clipFold = fold([clipCount], clips);
  clipFold.addEventListener("toggle", () => clipFold.open && !clips.childElementCount && drawClips());
  draw();
  const words = h("div", { class: "grow" }, name.el, head.facts);
  return h(
    "li",
    { class: "card voice own-voice", "data-voice": voice.voice_id },
    h("div", { class: "row" }, head.picture, words, head.sample, head.share, head.bin),
    problem,
    consentFacts("voice", voice.voice_id),
    tryFold,
    clipFold,
  );
}

/**
 * The parts of the card's first row that change with the voice.
 * @param {(error: unknown) => void} showProblem
 * @param {() => void} remove
 */
function cardHead(showProblem, remove) {
  const [picture, sample, share, bin] = Array.from({ length: 4 }, () => h("span", null));
  const facts = h("p", { class: "small-text muted" });
  const draw = (/** @type {Voice} */ voice) => {
    const { name, consent, sample_url, clips } = voice;
    const given = consent && [
      " · ",
      t("voices.agreed", { name: consent.given_by }),
      " ",
      timeElement(consent.recorded_at),
    ];
    // the version makes the browser fetch the sample again when the recordings change
    const version = clips.map((c) => c.clip_id.slice(0, 4)).join("");
    fill(picture, voiceInitial(voice));
    fill(facts, voiceSummary(voice), ...(given ?? []));
    fill(sample, soundButton(`${sample_url}?v=${version}`, t("voice.play", { name }), "", showProblem));
    fill(share, shareButton({ kind: "voice", id: voice.voice_id, name }, { bare: true }));
    fill(bin, button({ icon: "trash", label: t("voices.delete", { name }), bare: true, onclick: remove }));
  };
  return { picture, facts, sample, share, bin, draw };
}

/**
 * Deletes a voice after a question that names the avatars which use it.
 * @param {Voice} voice @param {string} path @param {() => void} ondeleted @param {(error: unknown) => void} showProblem
 */
async function deleteVoice({ voice_id, name }, path, ondeleted, showProblem) {
  const users = (await fetchAvatars().catch(() => [])).filter((a) => a.voice_id === voice_id).map((a) => a.name);
  const names = users.join(language() === "zh" ? "、" : ", ");
  const used = users.length ? t("voices.delete.used", { names }) : "";
  const text = `${t("voices.delete.text")} ${used}`.trim();
  if (!(await confirmDialog({ title: t("voices.delete", { name }), text, yes: t("delete") }))) return;
  try {
    await call("DELETE", path);
    invalidate("avatars");
    toast(t("voices.deleted", { name }));
    ondeleted();
  } catch (error) {
    showProblem(error);
  }
}

/**
 * The name of a voice, which can be edited in place.
 * @param {string} path
 * @param {HTMLElement} problem emptied before saving
 * @param {(error: unknown) => void} showProblem
 * @param {AbortSignal} signal
 * @param {(voice: Voice) => void} onrenamed
 * @returns {{el: HTMLElement, draw: (voice: Voice) => void}}
 */
function renamableName(path, problem, showProblem, signal, onrenamed) {
  const el = h("div", { class: "row name" });
  let name = "";
  function show(focus = false) {
    const label = t("voices.rename", { name });
    const edit = button({ icon: "edit", label, bare: true, kind: "small", onclick: rename });
    fill(el, h("strong", { class: "clip" }, name), edit);
    if (focus) edit.focus();
  }
  function rename() {
    const form = renameForm(name, save, () => show(true));
    fill(el, form.el);
    form.input.focus();
    form.input.select();
  }
  /** @param {HTMLInputElement} input */
  async function save(input) {
    const wanted = input.value.trim();
    if (!wanted || wanted === name) return show(true);
    input.disabled = true;
    fill(problem);
    try {
      const voice = await call("PATCH", path, { body: { name: wanted }, signal });
      onrenamed(voice);
      show(true);
      toast(t("voices.renamed", { name: voice.name }));
    } catch (error) {
      showProblem(error);
      input.disabled = false;
      input.focus();
    }
  }
  return {
    el,
    draw(voice) {
      name = voice.name;
      show();
    },
  };
}

/** @param {string} name @param {(input: HTMLInputElement) => void} save @param {() => void} cancel */
function renameForm(name, save, cancel) {
  const label = { "aria-label": t("voices.rename.new"), autocomplete: "off" };
  const input = h("input", { class: "input", value: name, maxlength: 80, required: true, ...label });
  const submit = (/** @type {Event} */ e) => {
    e.preventDefault();
    save(input);
  };
  const keydown = (/** @type {KeyboardEvent} */ e) => e.key === "Escape" && cancel();
  const el = h(
    "form",
    { class: "row grow renaming", on: { submit, keydown } },
    input,
    button({ icon: "check", label: t("voices.rename.save"), bare: true, kind: "small", type: "submit" }),
    button({ icon: "close", label: t("cancel"), bare: true, kind: "small", onclick: cancel }),
  );
  return { el, input };
}
