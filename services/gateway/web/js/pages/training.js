// @ts-check
// Training: honest about what can be trained here, and the path to follow.
import { creator } from "../core/api.js";
import { button, fill, h, icon } from "../core/dom.js";
import { devices, engines, models } from "../core/facts.js";
import { moment, number } from "../core/format.js";
import { t } from "../core/i18n.js";
import * as jobs from "../core/jobs.js";
import { setQuery } from "../core/router.js";
import { field, linkButton, page, section, select } from "../parts/bits.js";
import { ACCEPT, dropZone, send } from "../parts/files.js";
import { jobProgress } from "../parts/job.js";
import { empty, loaded, problemCard } from "../parts/say.js";

/** @typedef {import("../core/types.js").Engine} Engine */
/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {import("../core/types.js").Asset} Asset */

const STEPS = 5000;
const ADVISED = [3000, 10000];
const PATH = ["clip", "check", "settings", "run", "result"];

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function trainingPage({ signal, query }) {
  const place = loaded(async () => /** @type {const} */ ([await engines(), await devices().catch(() => [])]), ([known, list]) => {
    const render = known.items.filter((e) => e.service === "render");
    const able = render.filter((e) => e.available && e.can_train);
    return h("div", { class: "page" }, able.length ? null : unavailable(render, known.unreachable), path(), advice(), form(able, list, signal, query));
  }, { skeletons: 3, height: 140 });
  const trained = loaded(models, (all) => {
    const own = all.filter((m) => !m.is_builtin);
    return own.length
      ? h("ul", { class: "stack" }, ...own.map((m) => h("li", { class: "card row apart" }, h("div", null, h("strong", null, m.name), h("p", { class: "small-text muted num" }, t("training.model", { engine: m.engine, steps: number(m.steps) }))), moment(m.created_at))))
      : empty("training", t("training.none"));
  }, { skeletons: 1, height: 64 });
  return page(t("nav.training"), t("training.lead"), place.el, section(t("training.models"), [], trained.el));
}

/** @param {Engine[]} render @param {{service: string, problem: import("../core/types.js").ProblemBody}[]} unreachable */
function unavailable(render, unreachable) {
  const down = unreachable.find((u) => u.service === "render");
  const why = render.filter((e) => !e.available).map((e) => h("li", { class: "small-text", lang: "en" }, h("strong", null, e.name), ": ", e.reason));
  return h(
    "div",
    { class: "note warn", role: "note", "data-state": "unavailable" },
    icon("info"),
    h(
      "div",
      { class: "stack" },
      h("p", null, h("strong", null, t("training.off"))),
      h("p", null, down ? down.problem.detail : t("training.off.text")),
      why.length ? h("ul", { class: "stack tight" }, ...why) : null,
      h("div", { class: "row wrap" }, linkButton({ href: "/avatars", label: t("training.instead"), icon: "avatar", kind: "primary" })),
    ),
  );
}

const path = () =>
  h("ol", { class: "path", "aria-label": t("training.path") }, ...PATH.map((key, i) => h("li", null, h("span", { class: "path-number num", "aria-hidden": "true" }, i + 1), h("span", { class: "stack tight no-gap" }, h("strong", null, t(`training.${key}`)), h("span", { class: "small-text muted" }, t(`training.${key}.text`))))));

const advice = () =>
  section(t("training.advice"), [], h("ul", { class: "grid advice" }, ...["light", "face", "speech", "length"].map((key) => h("li", { class: "card" }, h("strong", null, t(`advice.${key}`)), h("p", { class: "small-text muted" }, t(`advice.${key}.text`))))));

/** @param {Engine[]} able @param {import("../core/types.js").Device[]} list @param {AbortSignal} signal @param {URLSearchParams} query */
function form(able, list, signal, query) {
  const off = !able.length;
  /** @type {Asset | null} */
  let clip = null;
  let engine = able[0]?.name ?? "";
  let device = "";
  const start = creator("/trainings");
  const clipPlace = h("div", null);
  const running = h("div", null);
  const steps = h("input", { class: "input num", type: "number", min: 100, max: 100000, step: 100, value: String(STEPS), disabled: off });
  const engineSelect = select(off ? [{ value: "", label: t("training.no_engine") }] : able.map((e) => ({ value: e.name, label: e.name })), engine, (v) => (engine = v));
  const deviceSelect = select([{ value: "", label: t("how.auto") }, ...list.map((d) => ({ value: d.device, label: d.name }))], "", (v) => (device = v));
  const go = button({ icon: "training", label: t("training.start"), kind: "primary large", disabled: true, "aria-describedby": off ? "training-why" : null, onclick: () => void begin() });
  engineSelect.disabled = off;
  deviceSelect.disabled = off;

  function ask() {
    clip = null;
    go.disabled = true;
    fill(clipPlace, dropZone({ accept: ACCEPT.video, title: t("training.drop"), help: t("training.drop.help"), signal, took: (file) => void took(file), icon: "video" }));
  }
  /** @param {File} file */
  async function took(file) {
    clip = await send(clipPlace, file, { signal, back: ask });
    if (!clip) return;
    fill(clipPlace, h("div", { class: "card row apart" }, h("span", { class: "clip" }, clip.name), button({ icon: "swap", label: t("file.other"), kind: "small", onclick: ask })));
    go.disabled = off;
  }
  async function begin() {
    if (!clip) return;
    go.disabled = true;
    try {
      const job = jobs.learn(await start({ video_asset_id: clip.id, engine, steps: Number(steps.value), device: device || undefined }));
      setQuery("job", job.id);
      follow(job);
    } catch (error) {
      fill(running, problemCard(error));
    }
    go.disabled = false;
  }
  /** @param {Job} first */
  function follow(first) {
    let state = "";
    const draw = (/** @type {Job} */ job) => {
      if (job.state === state) return;
      state = job.state;
      if (job.state === "succeeded") fill(running, h("div", { class: "card" }, h("h3", null, t("training.done")), h("p", { class: "mono" }, job.result?.model_id ?? ""), figures(job.result ?? {}), linkButton({ href: "/video_generation", label: t("training.use"), kind: "primary" })));
      else if (jobs.over(job)) fill(running, job.error ? problemCard(job.error) : h("p", null, t("state.cancelled")));
      else fill(running, h("div", { class: "card" }, jobProgress(job, signal), h("p", { class: "small-text muted" }, t("safe.close"))));
    };
    draw(first);
    jobs.watch(signal, (e) => draw(e.job), (j) => j.id === first.id);
  }

  if (off) fill(clipPlace);
  else ask();
  const wanted = query.get("job");
  if (wanted) jobs.read(wanted, signal).then(follow, (error) => signal.aborted || fill(running, problemCard(error)));
  return section(
    t("training.settings"),
    [],
    h(
      "fieldset",
      { class: "card", disabled: off },
      h("legend", { class: "sr" }, t("training.settings")),
      clipPlace,
      h("div", { class: "grid" }, field(t("training.steps"), steps, t("training.steps.help", { from: number(ADVISED[0]), to: number(ADVISED[1]) })), field(t("how.engine"), engineSelect), field(t("how.device"), deviceSelect)),
      h("div", { class: "row wrap" }, go, off ? h("p", { class: "small-text muted", id: "training-why" }, t("training.why")) : null),
    ),
    running,
  );
}

/** Figures before and after, as the engine names them. @param {Record<string, any>} result */
const figures = ({ before = {}, after = {} }) =>
  h("dl", { class: "facts-list num" }, ...Object.keys(after).flatMap((k) => [h("dt", null, k), h("dd", null, before[k] === undefined ? number(after[k], 3) : `${number(before[k], 3)} → ${number(after[k], 3)}`)]));
