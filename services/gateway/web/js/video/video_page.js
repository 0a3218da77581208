// @ts-check
// The Video page: choose an avatar, what it says scene by scene and how, and get the video in place.
import { page, section } from "../components/layout.js";
import { fill, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import * as jobs from "../jobs/job_store.js";
import { draftBar } from "../studio/draft_bar.js";
import { DraftStore } from "../studio/draft_store.js";
import { drawStudio } from "../studio/studio.js";
import { sharedVideos } from "./shared_videos.js";
import { videoGallery } from "./video_gallery.js";
import { videoKinds } from "./video_kinds.js";
import { VideoMaker } from "./video_maker.js";

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function videoPage({ signal, query }) {
  const holder = h("div", null);
  const earlier = videoGallery(signal);
  const drafts = new DraftStore(signal, () => draw());
  let lifetime = new AbortController(); // of the draft that is shown
  signal.addEventListener("abort", () => lifetime.abort());
  const maker = new VideoMaker(signal, {
    onready: () => void earlier.reload(),
    onmade({ id, params }) {
      if (!params.scenes) return;
      drafts.script.from_job_id = id; // its pieces can be taken for the next one
      drafts.changed();
    },
  });
  function draw() {
    lifetime.abort();
    lifetime = new AbortController();
    const drawn = drawStudio(drafts.script, lifetime.signal, query, {
      onchange() {
        maker.forgetFailure();
        drafts.changed();
      },
      onready: () => maker.ready(),
    });
    maker.show(drawn);
    fill(holder, drawn.el);
  }
  draw();
  void drafts.start();
  showRequestedVideo(query, signal, maker.jobs);
  return page(
    t("nav.video"),
    t("video.lead"),
    videoKinds("/video_generation"),
    draftBar(drafts),
    holder,
    maker.el,
    maker.jobs.el,
    section(t("video.gallery"), [], earlier.el),
    sharedVideos(),
  );
}

/**
 * Shows the job of the address; unfinished ones are shown in any case.
 * @param {URLSearchParams} query @param {AbortSignal} signal @param {VideoMaker["jobs"]} making
 */
function showRequestedVideo(query, signal, making) {
  const wanted = query.get("job");
  if (!wanted) return;
  jobs.fetchJob(wanted, signal).then(
    (job) => making.follow(job),
    (error) => signal.aborted || making.fail(error),
  );
}
