// @ts-check
// Sends the script of the page and shows what became of it: the job, or why there is none.
import { problemCard } from "../components/problem_card.js";
import { idempotentCreator, problemOf } from "../core/api.js";
import { button, fill, h, reveal } from "../core/dom.js";
import { setQuery } from "../core/router.js";
import { t } from "../i18n/translate.js";
import * as jobs from "../jobs/job_store.js";
import { redoRequest } from "../studio/redo.js";
import { sceneOfProblem } from "../studio/scene_progress.js";
import { videoJobs } from "./video_jobs.js";

/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {ReturnType<typeof import("../studio/studio.js").drawStudio>} Drawn */

export class VideoMaker {
  /**
   * @param {AbortSignal} signal
   * @param {{onready: () => void, onmade: (job: Job) => void}} on `onmade`: a job was created of what is shown
   */
  constructor(signal, { onready, onmade }) {
    this.signal = signal;
    this.onmade = onmade;
    /** @type {Drawn | null} */
    this.shown = null;
    this.isWanted = false; // "generate" was pressed before the avatars were there
    this.problem = h("div", { role: "alert" });
    const onclick = () => void this.generate();
    this.button = button({ icon: "video", label: t("video.generate"), kind: "primary large", onclick });
    this.createVideo = idempotentCreator("/videos");
    this.jobs = videoJobs(signal, {
      retry: () => void this.generate(),
      onready,
      onfailed: ({ error }) => void this.showAtScene(error),
      redo: (job, index) => void this.redo(job, index),
    });
    this.el = h("div", { class: "stack" }, h("div", null, this.button), this.problem);
  }

  /** Another draft is shown. @param {Drawn} drawn */
  show(drawn) {
    this.shown = drawn;
    this.forgetFailure();
  }

  /** The avatars are there. */
  ready() {
    if (this.isWanted) void this.generate();
  }

  /** An old refusal says nothing about what has been changed since. */
  forgetFailure() {
    fill(this.problem);
    this.jobs.clear("failed");
  }

  async generate() {
    const { shown } = this;
    if (!shown) return;
    fill(this.problem);
    const missing = shown.missing();
    if (missing) {
      if (missing.scene) shown.cardOf(missing.scene).focus();
      return fill(this.problem, h("p", { class: "missing" }, missing.words));
    }
    this.isWanted = !shown.isReady();
    if (this.isWanted) return; // begins once they are there; the avatar picker shows what keeps them
    await this.forgetLostJob(shown.studio.script);
    await this.make(shown.request());
  }

  /** @param {unknown} body */
  async make(body) {
    this.button.disabled = true;
    try {
      const job = jobs.created(await this.createVideo(body));
      setQuery("job", job.id);
      this.jobs.clear();
      this.jobs.follow(job, { show: true });
      this.onmade(job);
    } catch (error) {
      if (!this.showAtScene(problemOf(error))) fill(this.problem, problemCard(error, { alert: false }));
    }
    this.button.disabled = false;
  }

  /** The draft's last video may have been deleted since. @param {import("../studio/types.js").Script} s */
  async forgetLostJob(s) {
    if (!s.from_job_id) return;
    await jobs.fetchJob(s.from_job_id, this.signal).catch((error) => {
      if (problemOf(error).reason === "unknown-id") s.from_job_id = null;
    });
  }

  /** A problem of one scene is shown at the scene. @param {unknown} error @returns {boolean} whether it is of one */
  showAtScene(error) {
    const { shown } = this;
    const index = sceneOfProblem(error);
    const scenes = shown?.studio.script.scenes ?? [];
    if (!shown || index === null || scenes.length < 2 || !scenes[index]) return false;
    const card = shown.cardOf(scenes[index]);
    card.showProblem(error);
    reveal(card.el);
    return true;
  }

  /** @param {Job} job @param {number} index */
  async redo(job, index) {
    const { shown } = this;
    if (!shown) return;
    fill(this.problem);
    const { script } = shown.studio;
    const body = await redoRequest(job, index, script, shown.sceneRequest);
    if (body) return void this.make(body);
    fill(this.problem, h("p", { class: "missing" }, t("scene.redo.same", { n: index + 1 })));
    const scene = script.scenes[index];
    if (scene) shown.cardOf(scene).focus();
  }
}
