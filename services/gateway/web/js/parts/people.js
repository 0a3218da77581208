// @ts-check
// Avatars as people see them: a face, and its idle loop when looked at.
import { button, fill, h, icon } from "../core/dom.js";
import { problemOf, whyNot } from "../core/api.js";
import { avatars, engines, models, voices } from "../core/facts.js";
import { t, term } from "../core/i18n.js";
import { linkButton } from "./bits.js";
import { openDialog } from "./dialog.js";
import { loaded, toast } from "./say.js";

/** @typedef {import("../core/types.js").Avatar} Avatar */
/** @typedef {import("../core/types.js").Person} Person */
/** @typedef {import("../core/types.js").Voice} Voice */

/**
 * A face; its idle loop plays while `host` is hovered or holds the focus.
 * @param {Avatar} avatar @param {HTMLElement} [host]
 */
export function face(avatar, host) {
  const picture = h("img", {
    src: avatar.thumbnail_url,
    alt: "",
    loading: "lazy",
    width: avatar.width,
    height: avatar.height,
  });
  const el = h("span", { class: "face" }, picture);
  const idle = avatar.idle_url;
  if (!host || !idle) return el;
  /** @type {HTMLVideoElement | null} */
  let loop = null;
  const play = () => {
    if (loop || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    loop = h("video", { src: idle, muted: true, loop: true, playsinline: true, "aria-hidden": "true", tabindex: -1 });
    el.append(loop);
    loop.play().catch(() => {}); // without it the picture stays
  };
  const stop = () => {
    loop?.remove();
    loop = null;
  };
  for (const name of ["mouseenter", "focusin"]) host.addEventListener(name, play);
  for (const name of ["mouseleave", "focusout"])
    host.addEventListener(name, () => host.matches(":hover, :focus-within") || stop());
  return el;
}

/** The engines that draw, by name; none where nobody tells. @returns {Promise<Map<string, import("../core/types.js").Engine>>} */
const drawing = async () =>
  new Map(
    (await engines().catch(() => ({ items: [] }))).items.filter((e) => e.service === "render").map((e) => [e.name, e]),
  );

/**
 * Everybody who can be drawn: each avatar, followed by the models trained on it.
 * @param {{talking?: boolean}} [how] talking: only those that answer while one waits
 * @returns {Promise<Person[]>}
 */
export async function people({ talking = false } = {}) {
  const [all, trained, known] = await Promise.all([avatars(), models().catch(() => []), drawing()]); // without models the faces still speak
  return all
    .filter((avatar) => !talking || !known.get(avatar.engine)?.videos_only)
    .flatMap((avatar) => [
      ...(known.get(avatar.engine)?.needs_model
        ? []
        : [{ key: personKey(avatar.id, ""), name: avatar.name, avatar, model: null }]),
      ...trained
        .filter((m) => !m.is_builtin && m.avatar_id === avatar.id)
        .map((model) => ({ key: personKey(avatar.id, model.id), name: model.name, avatar, model })),
    ]);
}

/** Whether a person of that engine answers while one waits. @param {string} engine */
export const talks = async (engine) => !(await drawing()).get(engine)?.videos_only;

/** @param {string} avatar @param {string} model "" for none */
export const personKey = (avatar, model) => (model ? `${avatar}+${model}` : avatar);

/**
 * The person that a page was asked for (by the address, else by memory), or the first.
 * @param {Person[]} all @param {URLSearchParams} query @param {string} remembered a key
 */
export function personAsked(all, query, remembered) {
  const [model, avatar] = [query.get("model"), query.get("avatar")];
  const asked = model
    ? all.find((p) => p.model?.id === model)
    : avatar
      ? all.find((p) => p.key === avatar)
      : all.find((p) => p.key === remembered);
  return asked ?? all[0];
}

/**
 * Faces to choose one of; radio buttons underneath, so arrows and screen readers work.
 * @param {Person[]} all @param {string} chosen @param {(person: Person) => void} onchange
 */
export function facePicker(all, chosen, onchange) {
  const group = `faces-${Math.random().toString(36).slice(2)}`;
  return h(
    "fieldset",
    { class: "faces" },
    h("legend", { class: "sr" }, t("avatar.choose")),
    ...all.map((person) => {
      const input = h("input", {
        type: "radio",
        name: group,
        value: person.key,
        checked: person.key === chosen,
        class: "sr",
        on: { change: () => onchange(person) },
      });
      const label = h("label", { class: "face-card" }, input);
      const picture = face(person.avatar, label);
      if (person.model) picture.append(h("span", { class: "face-badge" }, t("person.trained")));
      label.append(picture, h("span", { class: "clip" }, person.name));
      return label;
    }),
    h(
      "a",
      { class: "face-card new", href: "/avatars" },
      h("span", { class: "face" }, icon("plus", "large")),
      h("span", { class: "clip" }, t("avatar.new")),
    ),
  );
}

/**
 * Opens the picker of faces to talk with. @param {string} chosen @param {(person: Person) => void} picked @param {...Node} extras shown below the faces
 */
export function choosePerson(chosen, picked, ...extras) {
  const body = loaded(
    () => people({ talking: true }),
    (all) => facePicker(all, chosen, picked),
    { skeletons: 1, height: 160 },
  );
  openDialog({
    title: t("avatar.choose"),
    wide: 560,
    body: [h("div", { class: "stack loose" }, body.el, ...extras)],
    footer: (close) => [button({ label: t("done"), kind: "primary", onclick: close })],
  });
}

/** @param {string} language BCP 47 */
export const languageName = (language) => term("language", language.split("-")[0].toLowerCase());

/** The colour-less picture of a voice: the first sign of its name. @param {Voice | null} voice */
export const voiceFace = (voice) =>
  h(
    "span",
    { class: `voice-face ${voice?.gender ?? ""}`, "aria-hidden": "true" },
    voice ? [...voice.name][0].toUpperCase() : icon("voice"),
  );

/** @param {Voice} voice */
export const voiceFacts = (voice) =>
  [
    languageName(voice.language),
    voice.gender ? t(`gender.${voice.gender}`) : "",
    voice.is_cloned ? t("voice.cloned") : "",
  ]
    .filter(Boolean)
    .join(" · ");

/** @type {HTMLAudioElement | null} */
let sounding = null;

/**
 * A button that plays a sound; one at a time on the page.
 * @param {string} url @param {string} label @param {string} [kind] @param {(error: unknown) => void} [trouble] where it is told why there is no sound
 */
export function soundButton(url, label, kind = "small", trouble = (error) => toast(problemOf(error).title)) {
  const el = button({ icon: "play", label, bare: true, kind, onclick: () => toggle() });
  /** @type {HTMLAudioElement | null} */
  let audio = null;
  const idle = (/** @type {string} */ name) => {
    fill(el, icon(name));
    el.classList.toggle("playing", name === "pause");
    el.setAttribute("aria-pressed", String(name === "pause"));
  };
  idle("play");
  function toggle() {
    if (audio && !audio.paused) return audio.pause();
    const one = play(url);
    audio = one;
    idle("pause");
    el.classList.add("waiting");
    one.onplaying = () => el.classList.remove("waiting");
    const ended = (/** @type {string} */ name) => {
      el.classList.remove("waiting");
      idle(name);
    };
    one.onpause = one.onended = () => ended("play");
    one.onerror = async () => {
      ended("alert");
      if (!url.startsWith("blob:")) trouble(await whyNot(url));
    };
    one.play().catch(() => one.error || ended("play"));
  }
  return el;
}

/** A sound; the one before it ends. @param {string} url */
export function play(url) {
  sounding?.pause();
  sounding = new Audio(url);
  return sounding;
}

/** What is said when nobody chooses a voice: that of the avatar, or the automatic one. @param {Avatar | undefined} avatar */
export async function usualVoice(avatar) {
  const id = avatar?.voice_id;
  const found = id ? (await voices().catch(() => [])).find((v) => v.voice_id === id) : null;
  return found ? t("voice.avatars", { name: found.name }) : t("voice.auto");
}

/**
 * Opens the voice picker; "" is the language's default voice.
 * @param {string} chosen @param {(voice: Voice | null) => void} picked @param {string} [auto] what "" means, in words
 */
export function chooseVoice(chosen, picked, auto = t("voice.auto.help")) {
  const group = `voices-${Math.random().toString(36).slice(2)}`;
  const row = (/** @type {Voice | null} */ voice) => {
    const id = voice?.voice_id ?? "";
    const input = h("input", {
      type: "radio",
      name: group,
      value: id,
      checked: id === chosen,
      class: "sr",
      on: { change: () => picked(voice) },
    });
    return h(
      "div",
      { class: "voice-row" },
      h(
        "label",
        { class: "row grow" },
        input,
        voiceFace(voice),
        h(
          "span",
          { class: "stack tight grow no-gap" },
          h("span", { class: "clip" }, voice ? voice.name : t("voice.auto")),
          h("span", { class: "small-text muted clip" }, voice ? voiceFacts(voice) : auto),
        ),
      ),
      voice ? soundButton(voice.sample_url, t("voice.play", { name: voice.name })) : null,
    );
  };
  const body = loaded(
    voices,
    (all) =>
      h(
        "fieldset",
        { class: "stack tight" },
        h("legend", { class: "sr" }, t("voice.choose")),
        row(null),
        ...all.map(row),
      ),
    { skeletons: 5, height: 52 },
  );
  openDialog({
    title: t("voice.choose"),
    body: [body.el],
    footer: (close) => [
      linkButton({ href: "/voices", label: t("voice.all"), kind: "quiet" }),
      button({ label: t("done"), kind: "primary", onclick: close }),
    ],
    onclose: () => sounding?.pause(),
  });
}
