// @ts-check
// One turn of a conversation: what was said, what was answered, and how long each step took.
import { asDownload, get } from "../core/api.js";
import { button, fill, h, say } from "../core/dom.js";
import { moment } from "../core/format.js";
import { t } from "../core/i18n.js";
import * as jobs from "../core/jobs.js";
import { linkButton } from "./bits.js";
import { fallbackNote } from "./fallback.js";
import { cancelJob, leftText, stageText } from "./job.js";
import { soundButton } from "./people.js";
import { timesList, turnIcon } from "./result.js";
import { problemCard } from "./say.js";
import { steps } from "./steps.js";

/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {import("../core/types.js").Message} Message */
/** @typedef {{play: (turn: Turn) => void, again: (job: Job) => void}} Actions */
/** @typedef {{el: HTMLElement, job: Job | null, video: string | null, clauses: import("../core/types.js").Clause[], endFrame: number | null, setJob: (job: Job) => void, setHeard: (url: string) => void, setMessages: (user: Message, answer: Message | null) => void, upload: HTMLElement, fail: (error: unknown, retry: () => void) => void}} Turn */

/**
 * @param {{text?: string}} asked the typed question; without it, it was spoken
 * @param {Actions} actions
 * @returns {Turn}
 */
export function turn({ text }, actions) {
  let typed = text !== undefined;
  const asked = h("p", { class: "words" }, text ?? "");
  const askedTools = h("div", { class: "row tools" });
  const place = h("div", { class: "upload-place" });
  const answered = h("p", { class: "words" });
  const line = steps();
  const status = h("p", { class: "small-text muted status num" });
  const tools = h("div", { class: "row tools wrap" });
  const note = h("div", { class: "note-place" });
  const trouble = h("div", null);
  const answer = h("div", { class: "bubble answer", hidden: true }, answered, line.el, status, note, tools, trouble);
  let noted = "";
  const el = h(
    "li",
    { class: "turn" },
    h("div", { class: "bubble asked" }, h("span", { class: "sr" }, t("turn.you")), asked, place, askedTools),
    answer,
  );

  /** @type {Turn} */
  const self = {
    el,
    job: null,
    video: null,
    clauses: [],
    endFrame: null,
    upload: place,
    setHeard(url) {
      fill(
        askedTools,
        soundButton(url, t("turn.play.asked")),
        linkButton({
          href: asDownload(url),
          icon: "download",
          label: t("turn.download.asked"),
          bare: true,
          kind: "small",
          download: true,
        }),
      );
    },
    setJob,
    setMessages,
    fail(error, retry) {
      answer.hidden = false;
      line.el.hidden = true;
      fill(trouble, problemCard(error, { retry }));
    },
  };

  /** @param {string} words @param {boolean} thinking */
  const setReply = (words, thinking) => {
    say(answered, words);
    answered.classList.toggle("thinking", thinking && !words);
  };

  /** @param {import("../core/types.js").Fallback[] | null | undefined} fallbacks */
  const setNote = (fallbacks) => {
    const now = JSON.stringify(fallbacks ?? []);
    if (now !== noted) fill(note, fallbackNote(fallbacks));
    noted = now;
  };

  /** @param {string | null} video @param {string | null} audio @param {import("../core/types.js").Timings} timings @param {string} when */
  function finish(video, audio, timings, when) {
    self.video = video;
    fill(
      tools,
      video
        ? button({
            icon: "play",
            label: t("turn.replay"),
            kind: "small",
            onclick: () => actions.play(self),
            "data-act": "replay",
          })
        : null,
      video
        ? linkButton({
            href: asDownload(video),
            icon: "download",
            label: t("turn.download"),
            bare: true,
            kind: "small",
            download: true,
          })
        : null,
      audio
        ? linkButton({
            href: asDownload(audio),
            icon: "voice",
            label: t("turn.download.audio"),
            bare: true,
            kind: "small",
            download: true,
          })
        : null,
      h(
        "details",
        { class: "times" },
        h("summary", { class: "button small quiet" }, turnIcon(), t("turn.times")),
        timesList(timings),
      ),
      h("span", { class: "small-text muted" }, moment(when)),
    );
  }

  /** @param {Job} job */
  function setJob(job) {
    const first = self.job === null;
    self.job = job;
    typed = job.params.audio_asset_id === undefined || job.params.audio_asset_id === null;
    if (first && !typed && !askedTools.childElementCount) {
      get(`/assets/${job.params.audio_asset_id}`)
        .then((a) => self.setHeard(a.url))
        .catch(() => {}); // the recording may be gone; its words remain
    }
    el.dataset.job = job.id;
    el.dataset.state = job.state;
    answer.hidden = false;
    line.el.hidden = false;
    const known = { ...job.partial, ...(job.state === "succeeded" ? job.result : {}) };
    say(asked, known.transcript ?? job.params.text ?? "");
    asked.classList.toggle("thinking", !asked.textContent && !jobs.over(job));
    const timings = known.timings_ms ?? {};
    self.clauses = known.clauses ?? [];
    self.endFrame = job.result?.end_frame ?? null;
    setReply(known.reply ?? "", !jobs.over(job));
    setNote(known.fallbacks);
    line.set(timings, { typed, running: !jobs.over(job), stage: job.stage });
    say(status, jobs.over(job) ? "" : [stageText(job), leftText(job)].filter(Boolean).join(" · "));
    status.hidden = jobs.over(job);
    fill(trouble, job.error && jobs.over(job) ? problemCard(job.error, { retry: () => actions.again(job) }) : null);
    if (job.state === "succeeded" && job.result)
      finish(job.result.video_url, job.result.audio_url, timings, job.finished_at ?? job.created_at);
    else if (jobs.over(job)) fill(tools);
    else if (first)
      fill(
        tools,
        button({
          icon: "close",
          label: t("cancel"),
          kind: "small quiet",
          onclick: () => self.job && cancelJob(self.job),
          "data-act": "cancel",
        }),
      );
  }

  /** @param {Message} user @param {Message | null} reply */
  function setMessages(user, reply) {
    typed = !user.audio_url;
    el.dataset.job = user.job_id;
    say(asked, user.text);
    if (user.audio_url) self.setHeard(user.audio_url);
    if (!reply) return;
    answer.hidden = false;
    el.dataset.state = "succeeded";
    self.clauses = reply.clauses ?? [];
    self.endFrame = reply.end_frame ?? null;
    setReply(reply.text, false);
    setNote(reply.fallbacks);
    status.hidden = true;
    line.set(reply.timings_ms ?? {}, { typed, running: false, stage: "" });
    finish(reply.video_url, reply.audio_url, reply.timings_ms ?? {}, reply.created_at);
  }
  return self;
}
