// @ts-check
// Video: who says what, and how; then the result in place.
import { creator } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { t } from "../core/i18n.js";
import * as jobs from "../core/jobs.js";
import { recall, remember } from "../core/prefs.js";
import { setQuery } from "../core/router.js";
import { linkButton, page, section } from "../parts/bits.js";
import { gallery } from "../parts/gallery.js";
import { jobProgress } from "../parts/job.js";
import { facePicker, people, personAsked } from "../parts/people.js";
import { resultCard } from "../parts/result.js";
import { announce, loaded, problemCard } from "../parts/say.js";
import { howPart, howValues } from "../parts/how.js";
import { whatPart } from "../parts/what.js";

/** @typedef {import("../core/types.js").Job} Job */

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function videoPage({ signal, query }) {
  /** @type {import("../core/types.js").Person | null} */
  let person = null;
  const what = whatPart(signal);
  const place = h("div", { class: "making", id: "making" });
  const trouble = h("div", { role: "alert" });
  const go = button({ icon: "video", label: t("video.generate"), kind: "primary large", onclick: generate });
  const earlier = gallery(signal);

  const who = loaded(
    people,
    (all) => {
      person = personAsked(all, query, recall("video.avatar", "builtin"));
      if (person) what.speaker(person.avatar);
      return facePicker(all, person?.key ?? "", (chosen) => {
        person = chosen;
        what.speaker(chosen.avatar);
        remember("video.avatar", chosen.key);
      });
    },
    { skeletons: 1, height: 168 },
  );

  const createVideo = creator("/videos");
  async function generate() {
    fill(trouble);
    const said = what.value();
    if ("missing" in said) return fill(trouble, h("p", { class: "missing" }, said.missing));
    if (!person) return; // the faces tell what is wrong
    go.disabled = true;
    try {
      const { engine, ...how } = howValues();
      // a model is drawn by the engine that it was trained for
      const who = { avatar_id: person.avatar.id, model: person.model?.id, engine: person.model?.engine ?? engine };
      const job = jobs.learn(await createVideo({ ...who, ...said, ...how }));
      setQuery("job", job.id);
      remember("video.job", job.id);
      follow(job);
      place.scrollIntoView({ block: "nearest", behavior: "smooth" });
    } catch (error) {
      fill(trouble, problemCard(error, { alert: false }));
    }
    go.disabled = false;
  }

  let leave = new AbortController();
  signal.addEventListener("abort", () => leave.abort());

  /** @param {Job} first */
  function follow(first) {
    leave.abort();
    leave = new AbortController();
    let state = "";
    const draw = (/** @type {Job} */ job) => {
      if (job.state === state) return;
      const before = state;
      state = job.state;
      if (job.state === "succeeded") {
        fill(place, section(t("video.result"), [], resultCard(job, { autoplay: before === "running" })));
        if (before) {
          announce(t("video.ready"));
          void earlier.reload();
        }
      } else if (jobs.over(job)) {
        const again = job.state === "cancelled" ? h("p", { class: "muted" }, t("state.cancelled")) : null;
        fill(
          place,
          section(t("video.result"), [], again ?? (job.error ? problemCard(job.error, { retry: generate }) : null)),
        );
      } else if (!before || before === "queued") {
        fill(
          place,
          section(
            t("video.making"),
            [],
            h(
              "div",
              { class: "card" },
              job.params.text ? h("p", { class: "clip" }, job.params.text) : null,
              jobProgress(job, leave.signal),
              h("p", { class: "small-text muted" }, t("safe.close")),
            ),
          ),
        );
      }
    };
    draw(first);
    jobs.watch(
      leave.signal,
      (e) => draw(e.job),
      (j) => j.id === first.id,
    );
  }

  const wanted = query.get("job") ?? recall("video.job", null);
  if (wanted) {
    jobs.read(wanted, signal).then(
      (job) => (query.has("job") || !jobs.over(job) ? follow(job) : undefined),
      (error) => query.has("job") && !signal.aborted && fill(place, problemCard(error)),
    );
  }

  return page(
    t("nav.video"),
    t("video.lead"),
    section(t("video.who"), [linkButton({ href: "/avatars", label: t("avatar.all"), kind: "quiet small" })], who.el),
    section(t("video.what"), [], what.el),
    howPart(),
    h("div", { class: "stack" }, h("div", null, go), trouble),
    place,
    section(t("video.gallery"), [], earlier.el),
  );
}
