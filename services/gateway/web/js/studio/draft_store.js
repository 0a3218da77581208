// @ts-check
// The draft that is being edited: saved on the server as one types, with a copy in the browser until that has happened.
import { call, get, list, Problem, problemOf } from "../core/api.js";
import { loadPreference, savePreference } from "../core/preferences.js";
import { t } from "../i18n/translate.js";
import { watchConnection } from "../jobs/job_store.js";
import { savedScript } from "./request.js";
import { firstWords, newScript, scriptFrom } from "./script.js";

/** @typedef {import("./types.js").Script} Script */
/** @typedef {import("./types.js").DraftRow} DraftRow */
/** @typedef {"new" | "unsaved" | "saving" | "saved" | "failed" | "changed-elsewhere"} DraftState */
/** @typedef {{id: string, name: string, version: number, script: any, unsaved: boolean}} Copy in the browser */

const PAUSE_MS = 800; // after the last key
const RETRY_MS = 10_000;
const KEY = "studio.draft";
const NAME_CHARS = 80;

/** @param {string} id */
const pathOf = (id) => `/drafts/${encodeURIComponent(id)}`;

export class DraftStore {
  /** @param {AbortSignal} signal @param {() => void} onloaded another script is to be shown */
  constructor(signal, onloaded) {
    this.signal = signal;
    this.onloaded = onloaded;
    /** @type {DraftState} */
    this.state = "new";
    /** @type {import("../core/types.js").ProblemBody | null} */
    this.problem = null;
    this.bus = new EventTarget();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.edits = 0;
    this.id = "";
    this.name = "";
    this.version = 0;
    this.unsaved = false;
    this.script = newScript();
    /** @type {Promise<void>} */
    this.saving = Promise.resolve();
    this.take(loadPreference(KEY, /** @type {Copy | null} */ (null)) ?? oldDraft());
    const again = () => this.state === "failed" && void this.save();
    addEventListener("online", again, { signal });
    document.addEventListener("signed-in", again, { signal });
    watchConnection(signal, (up) => up && again());
    signal.addEventListener("abort", () => clearTimeout(this.timer));
  }

  /** @param {Copy | null} copy null: an empty draft */
  take(copy) {
    this.id = copy?.id ?? "";
    this.name = copy?.name ?? "";
    this.version = copy?.version ?? 0;
    this.unsaved = copy?.unsaved ?? false;
    this.script = copy ? scriptFrom(copy.script) : newScript();
    if (!copy) this.script.scenes[0].voice_id = loadPreference("video.voice", "") || null;
  }

  /** Compares what the browser kept with the server. */
  async start() {
    if (!this.id) return void (this.unsaved && this.changed());
    try {
      const now = await get(pathOf(this.id), this.signal);
      if (now.version === this.version) return this.unsaved ? this.changed() : this.set("saved");
      if (this.unsaved) return this.set("changed-elsewhere");
      this.show(now);
    } catch (error) {
      if (this.signal.aborted) return;
      if (isGone(error)) Object.assign(this, { id: "", version: 0 });
      this.unsaved ? this.changed() : this.fail(error);
    }
  }

  /** Shows another draft. @param {DraftRow} row */
  show(row) {
    clearTimeout(this.timer);
    this.take({ ...row, unsaved: false });
    this.keepCopy();
    this.set("saved");
    this.onloaded();
  }

  /** What is shown has been edited: it is kept at once, and saved when the keys have rested. */
  changed() {
    this.edits += 1;
    this.unsaved = true;
    this.keepCopy();
    clearTimeout(this.timer);
    if (this.state === "changed-elsewhere") return;
    if (this.state !== "failed" && this.state !== "saving") this.set("unsaved");
    this.timer = setTimeout(() => void this.save(), PAUSE_MS);
  }

  keepCopy() {
    const { id, name, version, script, unsaved } = this;
    if (id || unsaved) savePreference(KEY, { id, name, version, script: copyOf(script), unsaved });
    else savePreference(KEY, undefined);
  }

  /** Saves now, one after the other. */
  save() {
    clearTimeout(this.timer);
    this.saving = this.saving.then(() => this.saveOnce());
    return this.saving;
  }

  async saveOnce() {
    if (!this.unsaved || this.state === "changed-elsewhere") return;
    const edits = this.edits;
    this.set("saving");
    try {
      const body = { name: this.title(), script: savedScript(this.script) };
      const row = this.id
        ? await call("PUT", pathOf(this.id), { body: { ...body, version: this.version } })
        : await call("POST", "/drafts", { body });
      Object.assign(this, { id: row.id, version: row.version, unsaved: this.edits !== edits });
      if (this.signal.aborted) return; // another page is shown, perhaps with a copy of its own
      this.keepCopy();
      if (!this.unsaved) return this.set("saved");
      this.set("unsaved");
      this.timer = setTimeout(() => void this.save(), PAUSE_MS);
    } catch (error) {
      this.refused(error);
    }
  }

  /** @param {unknown} error */
  refused(error) {
    const { reason } = problemOf(error);
    if (reason === "draft-changed") return this.set("changed-elsewhere");
    if (this.id && isGone(error)) {
      Object.assign(this, { id: "", version: 0 }); // deleted elsewhere, while it is still wanted here
      return this.changed();
    }
    this.fail(error);
  }

  /** @param {unknown} error */
  fail(error) {
    this.problem = problemOf(error);
    this.set("failed");
    if (this.problem.retryable === false || this.problem.reason === "sign-in-needed") return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void (this.unsaved ? this.save() : this.start()), RETRY_MS);
  }

  /** After "changed elsewhere": writes over what is on the server. */
  async keepMine() {
    try {
      this.version = (await get(pathOf(this.id))).version;
    } catch (error) {
      if (!isGone(error)) return this.fail(error);
      Object.assign(this, { id: "", version: 0 });
    }
    this.state = "unsaved";
    await this.save();
  }

  /** After "changed elsewhere": shows what is on the server. */
  async takeTheirs() {
    try {
      this.show(await get(pathOf(this.id)));
    } catch (error) {
      this.fail(error);
    }
  }

  /** Another draft, or with "" an empty one. What is shown is saved before. @param {string} id */
  async open(id) {
    await this.save();
    if (this.unsaved) throw this.problem ? new Problem(this.problem) : new Error(t("draft.changed-elsewhere"));
    if (id) return this.show(await get(pathOf(id)));
    this.take(null);
    this.keepCopy();
    this.set("new");
    this.onloaded();
  }

  /** @param {string} name */
  rename(name) {
    this.name = name.trim().slice(0, NAME_CHARS);
    this.changed();
  }

  /** @param {string} id @param {string} name of another draft than the one shown */
  async renameOther(id, name) {
    const { script, version } = await get(pathOf(id));
    await call("PUT", pathOf(id), { body: { name: name.trim().slice(0, NAME_CHARS), script, version } });
  }

  /** @param {string} id */
  async remove(id) {
    if (id === this.id) await this.save();
    await call("DELETE", pathOf(id));
    if (id !== this.id) return;
    clearTimeout(this.timer);
    this.take(null);
    this.keepCopy();
    this.set("new");
    this.onloaded();
  }

  /** @returns {Promise<DraftRow[]>} */
  all() {
    return list("/drafts?limit=200", this.signal);
  }

  /** The name, or the first words. */
  title() {
    return this.name || firstWords(this.script) || t("draft.untitled");
  }

  /** @param {DraftState} state */
  set(state) {
    this.state = state;
    if (state !== "failed") this.problem = null;
    this.bus.dispatchEvent(new Event("state"));
  }

  /** @param {() => void} callback */
  watch(callback) {
    this.bus.addEventListener("state", callback, { signal: this.signal });
    callback();
  }
}

/** @param {unknown} error */
const isGone = (error) => error instanceof Problem && error.body.status === 404 && error.body.reason === "unknown-id";

/** The script without the keys of its scenes. @param {Script} script */
const copyOf = (script) => ({ ...script, scenes: script.scenes.map(({ key: _key, ...scene }) => scene) });

/** What was typed before there were drafts. @returns {Copy | null} */
function oldDraft() {
  const text = loadPreference("draft.video", "");
  if (!text) return null;
  savePreference("draft.video", undefined);
  return {
    id: "",
    name: "",
    version: 0,
    script: { scenes: [{ text, voice_id: loadPreference("video.voice", "") || null }] },
    unsaved: true,
  };
}
