// @ts-check
// Video: who says what, and how; then the result in place.
import { creator } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { avatars } from "../core/facts.js";
import { t } from "../core/i18n.js";
import * as jobs from "../core/jobs.js";
import { recall, remember } from "../core/prefs.js";
import { setQuery } from "../core/router.js";
import { linkButton, page, section } from "../parts/bits.js";
import { gallery } from "../parts/gallery.js";
import { jobProgress } from "../parts/job.js";
import { facePicker } from "../parts/people.js";
import { resultCard } from "../parts/result.js";
import { announce, loaded, problemCard } from "../parts/say.js";
import { howPart, howValues } from "../parts/how.js";
import { whatPart } from "../parts/what.js";

/** @typedef {import("../core/types.js").Job} Job */

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function videoPage({ signal, query }) {
  let avatar = query.get("avatar") ?? recall("video.avatar", "builtin");
  const what = whatPart(signal);
  const place = h("div", { class: "making", id: "making" });
  const trouble = h("div", { role: "alert" });
  const go = button({ icon: "video", label: t("video.generate"), kind: "primary large", onclick: generate });
  const earlier = gallery(signal);

  const who = loaded(avatars, (all) => {
    if (!all.some((a) => a.id === avatar)) avatar = all[0]?.id ?? "";
    return facePicker(all, avatar, (id) => {
      avatar = id;
      remember("video.avatar", id);
    });
  }, { skeletons: 1, height: 168 });

  const createVideo = creator("/videos");
  async function generate() {
    fill(trouble);
    const said = what.value();
    if ("missing" in said) return fill(trouble, h("p", { class: "missing" }, said.missing));
    go.disabled = true;
    try {
      const job = jobs.learn(await createVideo({ avatar_id: avatar, ...said, ...howValues() }));
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
        fill(place, section(t("video.result"), [], again ?? (job.error ? problemCard(job.error, { retry: generate }) : null)));
      } else if (!before || before === "queued") {
        fill(place, section(t("video.making"), [], h("div", { class: "card" }, job.params.text ? h("p", { class: "clip" }, job.params.text) : null, jobProgress(job, leave.signal), h("p", { class: "small-text muted" }, t("safe.close")))));
      }
    };
    draw(first);
    jobs.watch(leave.signal, (e) => draw(e.job), (j) => j.id === first.id);
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
