// @ts-check
// The consent clip: the person in the file says a number before the camera, or a file of that is chosen.
import { announce } from "../components/announcements.js";
import { ACCEPT, chooseFile } from "../components/file_input.js";
import { uploadFile } from "../components/file_upload.js";
import { note } from "../components/layout.js";
import { problemCard } from "../components/problem_card.js";
import { call } from "../core/api.js";
import { CameraError, openCamera } from "../core/camera.js";
import { button, fill, h, icon, setText } from "../core/dom.js";
import { formatClock } from "../core/format.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/account_types.js").ConsentChallenge} ConsentChallenge */
/** @typedef {{challenge_id: string, clip_asset_id: string}} ClipField */

/** Longest recording, in seconds. */
const MOST_S = 30;

/** What a person recorded need not lie among the uploads; where it cannot be deleted it does. @param {string} id */
const forget = (id) => call("DELETE", `/assets/${encodeURIComponent(id)}`).catch(() => {});

/**
 * `refused`: the server judged the clip; its number was good for one try.
 * @returns {{el: HTMLElement, field: () => ClipField | {}, refused: () => void}}
 */
export function consentClip() {
  const place = h("div", { class: "stack tight" });
  const el = h("div", { class: "consent-clip card stack tight", role: "group", "aria-label": t("clip.title") }, place);
  /** @type {ClipField | null} */
  let done = null;
  let closing = new AbortController();

  function clear() {
    closing.abort();
    closing = new AbortController();
    done = null;
    const start = h("div", null, button({ icon: "refresh", label: t("clip.start"), onclick: ask }));
    fill(place, h("strong", null, t("clip.title")), h("p", { class: "small-text" }, t("clip.lead")), start);
  }

  async function ask() {
    const { signal } = closing;
    try {
      const challenge = /** @type {ConsentChallenge} */ (await call("POST", "/consents/challenges", { signal }));
      if (!signal.aborted) show(challenge);
    } catch (error) {
      if (!signal.aborted) fill(place, problemCard(error, { retry: ask }));
    }
  }

  /** @param {ConsentChallenge} challenge */
  function show(challenge) {
    const stage = h("div", { class: "stack tight" });
    const send = (/** @type {File} */ file) => void sendClip(file, stage, challenge);
    const again = () => fill(stage, ...clipButtons(stage, send, again, closing.signal));
    fill(place, h("strong", null, t("clip.title")), ...sentence(challenge), stage);
    again();
  }

  /** @param {File} file @param {HTMLElement} stage @param {ConsentChallenge} challenge */
  async function sendClip(file, stage, challenge) {
    const { signal } = closing;
    const back = () => show(challenge);
    const asset = await uploadFile(stage, file, { back, signal });
    if (!asset) return;
    done = { challenge_id: challenge.id, clip_asset_id: asset.id };
    const retake = () => {
      done = null;
      void forget(asset.id);
      back();
    };
    fill(stage, ...sentClip(asset.url, retake));
  }

  function refused() {
    if (!done) return;
    void forget(done.clip_asset_id);
    clear();
  }

  clear();
  return { el, field: () => done ?? {}, refused };
}

/** An uploaded clip. @param {string} url @param {() => void} retake */
const sentClip = (url, retake) => [
  h("video", { src: url, controls: true, playsinline: true, "aria-label": t("clip.title") }),
  h("p", { class: "row small-text", role: "status" }, icon("check"), h("span", null, t("clip.ready"))),
  h("div", null, button({ icon: "swap", label: t("clip.again"), kind: "small", onclick: retake })),
];

/** The words to read, and until when. @param {ConsentChallenge} challenge */
const sentence = ({ sentence: words, language, expires_at }) => [
  h("p", { class: "small-text" }, t("clip.read")),
  h("p", { class: "clip-sentence", lang: language === "zh" ? "zh-CN" : "en" }, words),
  h("p", { class: "small-text muted" }, t("clip.until", { time: new Date(expires_at).toLocaleTimeString() })),
];

/**
 * @param {HTMLElement} stage @param {(file: File) => void} send @param {() => void} back @param {AbortSignal} signal
 */
function clipButtons(stage, send, back, signal) {
  const failed = h("div", null);
  const film = button({
    icon: "video",
    label: t("clip.film"),
    kind: "primary",
    onclick: async () => {
      try {
        await filmed(stage, send, back, signal);
      } catch (error) {
        if (!(error instanceof CameraError)) throw error;
        fill(failed, note(t(`clip.camera.${error.reason}`), { kind: "warn", icon: "alert" }));
        announce(t(`clip.camera.${error.reason}`));
      }
    },
  });
  const choose = button({ icon: "upload", label: t("clip.file"), onclick: () => chooseFile(ACCEPT.video, send) });
  return [h("div", { class: "row wrap" }, film, choose), failed];
}

/**
 * Shows the camera and records. Throws `CameraError`.
 * @param {HTMLElement} stage @param {(file: File) => void} send @param {() => void} back @param {AbortSignal} signal
 */
async function filmed(stage, send, back, signal) {
  const filming = await openCamera();
  if (signal.aborted || !stage.isConnected) return filming.cancel();
  const picture = h("video", { muted: true, autoplay: true, playsinline: true, "aria-label": t("clip.camera") });
  picture.srcObject = filming.stream;
  const time = h("span", { class: "num small-text muted" }, t("clip.limit", { s: MOST_S }));
  let timer = 0;
  const over = () => {
    clearInterval(timer);
    gone.disconnect();
  };
  const cancel = () => {
    over();
    filming.cancel();
  };
  // the camera's light must not stay on when the form is closed
  const gone = new MutationObserver(() => picture.isConnected || cancel());
  gone.observe(document.body, { childList: true, subtree: true });
  signal.addEventListener("abort", cancel);
  const end = async () => {
    over();
    const file = await filming.end();
    if (!signal.aborted) send(file);
  };
  const begin = () => {
    filming.begin();
    const began = performance.now();
    timer = setInterval(() => {
      const s = (performance.now() - began) / 1000;
      setText(time, formatClock(s));
      if (s >= MOST_S) void end();
    }, 200);
    fill(controls, button({ icon: "stop", label: t("clip.end"), kind: "primary", onclick: end }), time);
    announce(t("clip.begun"));
  };
  const leave = button({ label: t("cancel"), onclick: back });
  const controls = h("div", { class: "row wrap" });
  fill(controls, button({ icon: "video", label: t("clip.begin"), kind: "primary", onclick: begin }), leave, time);
  fill(stage, picture, controls);
}
