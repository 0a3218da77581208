// @ts-check
// Training: a clip, a look at it, the work, and what came of it.
import { call, creator, get, list } from "../core/api.js";
import { button, fill, h, icon } from "../core/dom.js";
import { avatars, devices, engines, models, stale } from "../core/facts.js";
import { moment, number } from "../core/format.js";
import { knows, t } from "../core/i18n.js";
import * as jobs from "../core/jobs.js";
import { setQuery } from "../core/router.js";
import { field, linkButton, page, pill, section, select } from "../parts/bits.js";
import { clipChecks, clipFacts, earlierClips } from "../parts/clip.js";
import { confirmDialog, openDialog } from "../parts/dialog.js";
import { ACCEPT, dropZone, send } from "../parts/files.js";
import { announce, empty, isAbort, loaded, note, problemCard } from "../parts/say.js";
import { alone, helped, inShort, talkLink, trainingNow, trainingResult } from "../parts/training.js";

/** @typedef {import("../core/types.js").Engine} Engine */
/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {import("../core/types.js").Model} Model */
/** @typedef {import("../core/types.js").Asset} Asset */

const STEPS = 5000;
const ADVISED = [3000, 10000];
const PATH = ["clip", "check", "run", "result"];

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function trainingPage({ signal, query }) {
  const steps = path();
  const body = loaded(
    async () => /** @type {const} */ ([await engines(), await devices().catch(() => [])]),
    ([known, all]) => {
      const render = known.items.filter((e) => e.service === "render");
      const able = render.filter((e) => e.available && e.can_train);
      const note = able.length ? null : unavailable(render, known.unreachable);
      return h(
        "div",
        { class: "stack loose" },
        note,
        work(able, all, signal, query, steps.at, () => trained.reload()),
      );
    },
    { skeletons: 3, height: 140 },
  );
  const trained = loaded(
    async () => /** @type {const} */ ([await models(), await avatars().catch(() => [])]),
    ([all, faces]) => {
      const own = all.filter((m) => !m.is_builtin);
      const pictures = new Map(faces.map((a) => [a.id, a.thumbnail_url]));
      return own.length
        ? h("ul", { class: "stack" }, ...own.map((m) => modelRow(m, pictures.get(m.avatar_id ?? ""), changed)))
        : empty("training", t("training.none"));
    },
    { skeletons: 1, height: 64 },
  );
  function changed() {
    stale("models");
    void trained.reload();
  }
  return page(t("nav.training"), t("training.lead"), steps.el, body.el, section(t("training.models"), [], trained.el));
}

/** The steps, the present one marked. @returns {{el: HTMLElement, at: (key: string) => void}} */
function path() {
  const items = PATH.map((key, i) =>
    h(
      "li",
      null,
      h("span", { class: "path-number num", "aria-hidden": "true" }, i + 1),
      h(
        "span",
        { class: "stack tight no-gap" },
        h("strong", null, t(`training.${key}`)),
        h("span", { class: "small-text muted" }, t(`training.${key}.text`)),
      ),
    ),
  );
  const at = (/** @type {string} */ key) =>
    items.forEach((item, i) => {
      item.classList.toggle("done", i < PATH.indexOf(key));
      if (PATH[i] === key) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    });
  at(PATH[0]);
  return { el: h("ol", { class: "path", "aria-label": t("training.path") }, ...items), at };
}

/** @param {Engine[]} render @param {{service: string, problem: import("../core/types.js").ProblemBody}[]} unreachable */
function unavailable(render, unreachable) {
  const down = unreachable.find((u) => u.service === "render");
  const how = render.some((e) => e.available && e.cannot_train_reason?.startsWith("torch"))
    ? h("p", null, t("training.off.how"))
    : null;
  const why = render
    .filter((e) => e.reason || e.cannot_train_reason)
    .map((e) =>
      h("li", { class: "small-text", lang: "en" }, h("strong", null, e.name), ": ", e.reason || e.cannot_train_reason),
    );
  return h(
    "div",
    { class: "note warn", role: "note", "data-state": "unavailable" },
    icon("info"),
    h(
      "div",
      { class: "stack" },
      h("p", null, h("strong", null, t("training.off"))),
      h("p", null, down ? down.problem.detail : t("training.off.text")),
      how,
      why.length ? h("ul", { class: "stack tight" }, ...why) : null,
      h(
        "div",
        { class: "row wrap" },
        linkButton({ href: "/avatars", label: t("training.instead"), icon: "avatar", kind: "primary" }),
      ),
    ),
  );
}

const advice = () =>
  section(
    t("training.advice"),
    [],
    h(
      "ul",
      { class: "grid advice" },
      ...["light", "face", "speech", "length"].map((key) =>
        h(
          "li",
          { class: "card" },
          h("strong", null, t(`advice.${key}`)),
          h("p", { class: "small-text muted" }, t(`advice.${key}.text`)),
        ),
      ),
    ),
  );

/**
 * The place where one step after another happens.
 * @param {Engine[]} able @param {import("../core/types.js").Device[]} list_ @param {AbortSignal} signal @param {URLSearchParams} query
 * @param {(key: string) => void} at @param {() => void} made a model is new
 */
function work(able, list_, signal, query, at, made) {
  const place = h("div", { class: "stack loose", id: "training-place" });
  const start = creator("/trainings");
  let leave = new AbortController();
  signal.addEventListener("abort", () => leave.abort());

  function ask() {
    leave.abort();
    setQuery("job", null);
    at("clip");
    const zone = h("div", null);
    const again = () =>
      fill(
        zone,
        dropZone({
          accept: ACCEPT.video,
          title: t("training.drop"),
          help: t("training.drop.help"),
          signal,
          took: (file) => void took(file),
          icon: "video",
        }),
      );
    async function took(/** @type {File} */ file) {
      const clip = await send(zone, file, { signal, back: again });
      if (clip) check(clip);
    }
    again();
    fill(place, zone, earlierClips(signal, check), advice());
  }

  /** @param {Asset} clip */
  function check(clip) {
    at("check");
    let engine = able[0]?.name ?? "";
    let device = "";
    const trouble = h("div", null);
    const found = clipChecks(clip);
    const usable = found.every((c) => c.state !== "bad");
    const count = h("input", {
      class: "input num",
      type: "number",
      min: 100,
      max: 100000,
      step: 100,
      required: true,
      value: String(STEPS),
    });
    const name = h("input", {
      class: "input",
      maxlength: 60,
      required: true,
      value: clip.name.replace(/\.[^.]+$/, ""),
    });
    const go = h(
      "button",
      {
        class: "button primary large",
        type: "submit",
        disabled: !able.length || !usable,
        "aria-describedby": able.length ? null : "training-why",
      },
      icon("training"),
      t("training.start"),
    );
    const advised = h("span", null);
    const care = h("div", null);
    /** What the chosen engine asks for. @param {string} name */
    function choose(name) {
      engine = name;
      const steps = able.find((e) => e.name === name)?.default_steps || STEPS;
      count.value = String(steps);
      fill(
        advised,
        steps === STEPS
          ? t("training.steps.help", { from: number(ADVISED[0]), to: number(ADVISED[1]) })
          : t("training.steps.usual", { n: number(steps) }),
      );
      fill(
        care,
        knows(`training.care.${name}`) ? note(t(`training.care.${name}`), { kind: "warn", icon: "alert" }) : null,
      );
    }
    const submit = async (/** @type {Event} */ e) => {
      e.preventDefault();
      go.disabled = true;
      try {
        follow(
          jobs.learn(
            await start({
              video_asset_id: clip.id,
              engine,
              steps: Number(count.value),
              device: device || undefined,
              name: name.value.trim(),
            }),
          ),
        );
      } catch (error) {
        fill(trouble, problemCard(error));
        go.disabled = false;
      }
    };
    fill(
      place,
      h(
        "form",
        { class: "card train-clip", on: { submit } },
        h("video", { src: clip.url, controls: true, playsinline: true, preload: "metadata", "aria-label": clip.name }),
        h(
          "div",
          { class: "stack" },
          h(
            "div",
            { class: "row apart" },
            h("h3", { class: "clip" }, clip.name),
            button({ icon: "swap", label: t("file.other"), kind: "small", onclick: ask }),
          ),
          clipFacts(clip),
          h(
            "ul",
            { class: "checks" },
            ...found.map((c) =>
              h(
                "li",
                { class: c.state, "data-check": c.key },
                icon(c.state === "good" ? "check" : "alert"),
                h("span", null, c.text),
              ),
            ),
          ),
          h("p", { class: "small-text muted" }, t("check.later")),
          h(
            "div",
            { class: "grid" },
            field(t("training.name"), name),
            field(t("training.steps"), count, advised),
            able.length > 1
              ? field(
                  t("how.engine"),
                  select(
                    able.map((e) => ({ value: e.name, label: e.name })),
                    engine,
                    choose,
                  ),
                )
              : null,
            field(
              t("how.device"),
              select(
                [{ value: "", label: t("how.auto") }, ...list_.map((d) => ({ value: d.device, label: d.name }))],
                "",
                (v) => (device = v),
              ),
            ),
          ),
          care,
          h(
            "div",
            { class: "row wrap" },
            go,
            able.length ? null : h("p", { class: "small-text muted", id: "training-why" }, t("training.why")),
          ),
          trouble,
        ),
      ),
    );
    choose(engine);
    place.querySelector("h3")?.scrollIntoView({ block: "nearest" });
  }

  /** The same again: from the last checkpoint. @param {Job} job */
  async function goOn(job) {
    const { video_asset_id, engine, steps, device, name } = job.params;
    try {
      follow(jobs.learn(await start({ video_asset_id, engine, steps, device: device ?? undefined, name })));
    } catch (error) {
      if (!isAbort(error))
        fill(place, problemCard(error), h("div", null, button({ label: t("training.another"), onclick: ask })));
    }
  }

  /** @param {Job} first */
  function follow(first) {
    leave.abort();
    leave = new AbortController();
    setQuery("job", first.id);
    const mine = leave.signal;
    let state = "";
    const another = () => button({ icon: "plus", label: t("training.another"), onclick: ask });
    const draw = (/** @type {Job} */ job) => {
      const before = state;
      if (job.state === before || (job.state === "running" && before === "queued")) return void (state = job.state);
      state = job.state;
      at(job.state === "succeeded" ? "result" : "run");
      if (job.state === "succeeded" && job.result?.model) {
        fill(
          place,
          h(
            "div",
            { class: "card" },
            h("h3", null, t("training.done"), " · ", job.params.name ?? ""),
            trainingResult(job.result.model),
            h("div", { class: "row wrap" }, another()),
          ),
        );
        stale("avatars");
        stale("models");
        if (before) {
          announce(t("training.done"));
          made();
        }
      } else if (job.state === "failed") {
        fill(
          place,
          h(
            "div",
            { class: "card", "data-state": "failed" },
            h("h3", null, t("training.failed")),
            job.error ? problemCard(job.error) : null,
            h(
              "div",
              { class: "row wrap" },
              job.error?.retryable
                ? button({
                    icon: "refresh",
                    label: t("training.go_on"),
                    kind: "primary",
                    onclick: () => void goOn(job),
                  })
                : null,
              another(),
            ),
          ),
        );
      } else if (job.state === "cancelled") {
        const done = job.partial?.step;
        fill(
          place,
          h(
            "div",
            { class: "card", "data-state": "cancelled" },
            h("h3", null, t("state.cancelled")),
            h(
              "p",
              null,
              done
                ? t("training.cancelled.at", { step: number(done), steps: number(job.partial?.steps ?? 0) })
                : t("training.cancelled"),
            ),
            h(
              "div",
              { class: "row wrap" },
              button({ icon: "refresh", label: t("training.go_on"), kind: "primary", onclick: () => void goOn(job) }),
              another(),
            ),
          ),
        );
        announce(t("state.cancelled"));
      } else fill(place, trainingNow(job, mine));
    };
    draw(first);
    jobs.watch(
      mine,
      (e) => draw(e.job),
      (j) => j.id === first.id,
    );
  }

  const wanted = query.get("job");
  if (wanted) {
    const failed = (/** @type {unknown} */ error) =>
      signal.aborted ||
      fill(place, problemCard(error), h("div", null, button({ label: t("training.another"), onclick: ask })));
    fill(place, h("div", { class: "skeleton", "aria-hidden": "true", style: { height: "220px" } }));
    jobs.read(wanted, signal).then(follow, failed);
  } else if (query.get("asset")) {
    get(`/assets/${encodeURIComponent(query.get("asset") ?? "")}`, signal).then(check, () => signal.aborted || ask());
  } else {
    ask();
    // one that runs is what a person comes to see
    list("/jobs?kind=training&state=active&limit=1", signal).then(
      (found) => found[0] && !place.querySelector("form") && follow(jobs.learn(found[0])),
      () => {},
    );
  }
  return place;
}

/** @param {Model} m @param {string | undefined} picture @param {() => void} changed */
function modelRow(m, picture, changed) {
  const el = h("li", { class: "card", "data-model": m.id });
  async function remove() {
    if (
      !(await confirmDialog({
        title: t("training.delete", { name: m.name }),
        text: t("training.delete.text"),
        yes: t("delete"),
      }))
    )
      return;
    try {
      await call("DELETE", `/models/${encodeURIComponent(m.id)}`);
      changed();
    } catch (error) {
      el.append(problemCard(error));
    }
  }
  const query = `model=${encodeURIComponent(m.id)}`;
  el.append(
    h(
      "div",
      { class: "row wrap apart" },
      h(
        "div",
        { class: "row model-words" },
        picture ? h("span", { class: "face" }, h("img", { src: picture, alt: "" })) : null,
        h(
          "div",
          { class: "stack tight" },
          h(
            "div",
            { class: "row wrap" },
            h("strong", { class: "clip" }, m.name),
            m.curve || Object.keys(m.after).length
              ? pill(
                  t(alone(m) ? "person.trained" : helped(m) ? "train.pill.helped" : "train.pill.not"),
                  helped(m) ? "good" : "",
                )
              : null,
          ),
          h(
            "p",
            { class: "small-text muted num" },
            [inShort(m), t("training.model", { engine: m.engine, steps: number(m.steps) })].filter(Boolean).join(" · "),
            " · ",
            moment(m.created_at),
          ),
        ),
      ),
      h(
        "div",
        { class: "row wrap" },
        linkButton({ href: `/video_generation?${query}`, label: t("training.use"), kind: "small" }),
        talkLink(m, true),
        button({
          icon: "info",
          label: t("training.details", { name: m.name }),
          bare: true,
          kind: "small",
          onclick: () => void openDialog({ title: m.name, wide: 720, body: [trainingResult(m)] }),
        }),
        button({
          icon: "trash",
          label: t("training.delete", { name: m.name }),
          bare: true,
          kind: "small",
          onclick: () => void remove(),
        }),
      ),
    ),
  );
  return el;
}
