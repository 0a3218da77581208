// @ts-check
// The dubbed film: its options, the button that makes it, and the job that does.
import { announce } from "../components/announcements.js";
import { problemCard } from "../components/problem_card.js";
import { section } from "../components/layout.js";
import { idempotentCreator, problemOf } from "../core/api.js";
import { button, fill, h, reveal } from "../core/dom.js";
import { setQuery } from "../core/router.js";
import { t } from "../i18n/translate.js";
import { jobProgress } from "../jobs/job_progress.js";
import * as jobs from "../jobs/job_store.js";
import { checkbox } from "../studio/fields.js";
import { restorerField } from "../studio/restorer_field.js";
import { filmResult } from "./film_result.js";

/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {import("./corrections.js").Corrections} Corrections */
/**
 * @typedef {object} MakerOptions
 * @property {() => void} onbegin the film is asked for
 * @property {(error: unknown) => boolean} onproblem whether the problem is shown at a sentence
 * @property {() => void} oncorrect the user wants to correct the table
 * @property {(step: "check" | "film") => void} onstep
 */

export class FilmMaker {
  /** @param {Corrections} corrections @param {AbortSignal} signal @param {MakerOptions} on */
  constructor(corrections, signal, on) {
    this.corrections = corrections;
    this.signal = signal;
    this.on = on;
    this.isRunning = false;
    this.shown = ""; // id of the film's job
    this.create = idempotentCreator("/videos");
    this.problem = h("div", { class: "note-place" });
    this.why = h("p", { class: "small-text muted", id: "make-why" });
    const onclick = () => void this.make();
    const attrs = { "aria-describedby": "make-why" };
    this.button = button({ icon: "video", label: t("dubbing.make"), kind: "primary large", onclick, ...attrs });
    this.film = h("div", { class: "note-place dubbing-made" });
    const go = h("div", { class: "row wrap" }, this.button, this.why);
    this.el = h("div", { class: "stack" }, filmOptions(corrections, signal), go, this.problem);
    corrections.watch(signal, () => this.draw());
    this.draw();
  }

  /** What keeps the film from being made. */
  draw() {
    const { corrections } = this;
    const kinds = corrections.script.sentences.map((s) => corrections.fitting(s).kind);
    const isSilent = kinds.every((kind) => kind === "silent");
    this.button.disabled = isSilent || this.isRunning;
    const unheard = kinds.filter((kind) => kind === "unheard").length;
    this.why.textContent = isSilent
      ? t("dubbing.all_silent")
      : this.isRunning
        ? t("dubbing.is_running")
        : unheard
          ? t("dubbing.unheard", { n: unheard })
          : "";
  }

  /** @param {boolean} isRunning */
  running(isRunning) {
    this.isRunning = isRunning;
    this.draw();
  }

  /** Shows the film of the address, or the one that was made last. @param {string} wanted id of its job */
  async take(wanted) {
    const id = wanted || this.corrections.kept.film;
    if (!id) return;
    try {
      this.follow(await jobs.fetchJob(id, this.signal));
    } catch (error) {
      if (this.signal.aborted) return;
      if (problemOf(error).reason === "unknown-id")
        this.corrections.made(""); // deleted since
      else fill(this.film, problemCard(error, { retry: () => void this.take(wanted) }));
    }
  }

  async make() {
    const { corrections } = this;
    const { background, burn, second, restore } = corrections.kept.options;
    fill(this.problem);
    this.on.onbegin();
    this.running(true);
    try {
      const job = jobs.created(
        await this.create({
          dubbing: { job_id: corrections.id, sentences: corrections.sentences(), background, second },
          subtitles: { files: ["srt", "vtt"], burn },
          ...(restore ? { restore } : {}),
        }),
      );
      corrections.made(job.id);
      this.follow(job);
      reveal(this.film);
    } catch (error) {
      this.running(false);
      if (!this.on.onproblem(problemOf(error))) fill(this.problem, problemCard(error));
    }
  }

  /** @param {Job} first */
  follow(first) {
    setQuery("film", first.id);
    this.shown = first.id;
    let state = "";
    jobs.follow(
      first,
      this.signal,
      (job) => {
        if (job.state === state) return;
        const before = state;
        state = job.state;
        this.running(!jobs.isFinished(job));
        if (jobs.isFinished(job)) return this.ended(job, before);
        if (before && before !== "queued") return;
        this.on.onstep("film");
        fill(this.film, section(t("dubbing.making"), [], progressCard(job, this.signal)));
      },
      () => this.shown === first.id,
    );
  }

  /** @param {Job} job @param {string} before its state before; "" when it had ended already */
  ended(job, before) {
    const correct = () => this.on.oncorrect();
    const isDone = job.state === "succeeded";
    this.on.onstep(isDone ? "film" : "check");
    if (isDone) {
      const original = this.corrections.script.film_asset_id;
      fill(this.film, section(t("dubbing.result"), [], filmResult(job, original, correct)));
      if (!before) return;
      announce(t("dubbing.ready"));
      return reveal(this.film);
    }
    if (job.state === "cancelled")
      return fill(this.film, h("p", { class: "muted", role: "status" }, t("dubbing.film_cancelled")));
    const isShown = this.on.onproblem(job.error);
    const retry = () => void this.make();
    fill(
      this.film,
      isShown
        ? h("p", { class: "missing", role: "alert" }, t("dubbing.at_sentence"))
        : h("div", { class: "stack" }, problemCard(job.error, { retry }), h("div", null, correctButton(correct))),
    );
  }
}

/** @param {() => void} onclick */
const correctButton = (onclick) => button({ icon: "edit", label: t("dubbing.correct"), onclick });

/** @param {Job} job @param {AbortSignal} signal */
const progressCard = (job, signal) =>
  h("div", { class: "card" }, jobProgress(job, signal), h("p", { class: "small-text muted" }, t("safe.close")));

/** @param {Corrections} corrections @param {AbortSignal} signal */
function filmOptions(corrections, signal) {
  const { options } = corrections.kept;
  const second = checkbox(t("dubbing.second"), options.second, (on) => corrections.choose({ second: on }));
  const keep = checkbox(t("dubbing.keep"), options.background === "keep", (on) =>
    corrections.choose({ background: on ? "keep" : "drop" }),
  );
  const burn = checkbox(t("dubbing.burn"), options.burn, (on) => corrections.choose({ burn: on }));
  return h(
    "fieldset",
    { class: "stack tight" },
    h("legend", { class: "sr" }, t("dubbing.options")),
    keep,
    h("p", { class: "small-text muted dubbing-hint" }, t("dubbing.keep.help")),
    burn,
    second,
    h("p", { class: "small-text muted dubbing-hint" }, t("dubbing.second.help")),
    restorerField(options.restore, signal, (on) => corrections.choose({ restore: on })),
  );
}
