// @ts-check
// Avatars: who can speak here, and how to add oneself.
import { call, creator } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { avatars, stale, system, voices } from "../core/facts.js";
import { bytes, moment, number } from "../core/format.js";
import { t } from "../core/i18n.js";
import * as jobs from "../core/jobs.js";
import { field, linkButton, page, pill, section } from "../parts/bits.js";
import { confirmDialog, openDialog } from "../parts/dialog.js";
import { ACCEPT, dropZone, send } from "../parts/files.js";
import { jobProgress } from "../parts/job.js";
import { chooseVoice, face, voiceFace } from "../parts/people.js";
import { coverageText, report } from "../parts/report.js";
import { announce, loaded, problemCard, toast } from "../parts/say.js";

/** @typedef {import("../core/types.js").Avatar} Avatar */
/** @typedef {import("../core/types.js").Asset} Asset */
/** @typedef {import("../core/types.js").Job} Job */

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function avatarsPage({ signal }) {
  const cards = loaded(avatars, (all) => h("ul", { class: "grid people" }, ...all.map((a) => card(a, reload))), {
    skeletons: 1,
    height: 260,
  });
  const making = h("ul", { class: "stack" });
  const adding = h("div", null);

  function reload() {
    stale("avatars");
    void cards.reload();
  }

  function ask() {
    fill(
      adding,
      dropZone({
        accept: ACCEPT.person,
        title: t("avatars.drop"),
        help: t("avatars.drop.help", { size: bytes(system()?.limits.upload_bytes ?? 524_288_000) }),
        signal,
        took: (file) => void took(file),
        icon: "avatar",
      }),
    );
  }

  /** @param {File} file */
  async function took(file) {
    const asset = await send(adding, file, { signal, back: ask });
    if (asset) name(asset);
  }

  /** @param {Asset} asset */
  function name(asset) {
    const createAvatar = creator("/avatars");
    const input = h("input", {
      class: "input",
      value: asset.name.replace(/\.[^.]+$/, ""),
      maxlength: 60,
      required: true,
    });
    const trouble = h("div", null);
    const picture =
      asset.kind === "image"
        ? h("img", { src: asset.url, alt: "", class: "preview" })
        : h("video", { src: asset.url, class: "preview", controls: true, playsinline: true, muted: true });
    const submit = async (/** @type {Event} */ e) => {
      e.preventDefault();
      try {
        const job = jobs.learn(await createAvatar({ asset_id: asset.id, name: input.value.trim() }));
        ask();
        follow(job);
      } catch (error) {
        fill(trouble, problemCard(error));
      }
    };
    fill(
      adding,
      h(
        "form",
        { class: "card naming", on: { submit } },
        picture,
        h(
          "div",
          { class: "stack" },
          field(t("avatars.name"), input),
          h(
            "div",
            { class: "row wrap" },
            h("button", { class: "button primary", type: "submit" }, t("avatars.create")),
            button({ label: t("cancel"), onclick: ask }),
          ),
          trouble,
        ),
      ),
    );
    input.focus();
    input.select();
  }

  /** @param {Job} first */
  function follow(first) {
    if (making.querySelector(`[data-job="${first.id}"]`)) return;
    const el = h("li", { class: "job", "data-job": first.id });
    making.prepend(el);
    let state = "";
    const draw = (/** @type {Job} */ job) => {
      if (state === job.state) return;
      const before = state;
      state = job.state;
      const title = h("h3", { class: "clip" }, job.params.name ?? "");
      const dismiss = button({ label: t("dismiss"), kind: "small", onclick: () => el.remove() });
      if (job.state === "succeeded") {
        fill(
          el,
          h("div", { class: "row apart" }, title, pill(t("avatars.ready"), "good")),
          job.result?.report ? report(job.result.report, job.result.avatar?.kind) : null,
          h(
            "div",
            { class: "row wrap" },
            linkButton({
              href: `/chat_system?avatar=${job.result?.avatar_id}`,
              label: t("avatars.talk"),
              kind: "primary small",
            }),
            linkButton({
              href: `/video_generation?avatar=${job.result?.avatar_id}`,
              label: t("avatars.video"),
              kind: "small",
            }),
            dismiss,
          ),
        );
        announce(t("avatars.ready"));
        reload();
      } else if (job.state === "cancelled") el.remove();
      else if (job.state === "failed")
        fill(el, title, job.error ? problemCard(job.error) : null, h("div", null, dismiss));
      else if (!before || before === "queued")
        fill(el, title, jobProgress(job, signal), h("p", { class: "small-text muted" }, t("safe.close")));
    };
    draw(first);
    jobs.watch(
      signal,
      (e) => draw(e.job),
      (j) => j.id === first.id,
    );
  }

  ask();
  jobs.fetchJobs("kind=avatar&state=active", signal).then(
    (found) => found.forEach(follow),
    () => {},
  ); // the list above tells what is wrong
  return page(
    t("nav.avatars"),
    t("avatars.lead"),
    section(t("avatars.add"), [], adding, making),
    section(t("avatars.all"), [], cards.el),
  );
}

/** The voice that an avatar speaks with where nobody names another. @param {Avatar} a */
function voiceOf(a) {
  const trouble = h("div", null);
  const chip = button({
    label: t("voice.auto"),
    kind: "small quiet voice-line",
    "aria-haspopup": "dialog",
    onclick: () => chooseVoice(a.voice_id ?? "", (one) => void set(one), t("voice.auto.avatar")),
  });
  /** @param {import("../core/types.js").Voice | null} voice @param {string} name */
  function draw(voice, name) {
    fill(chip, voiceFace(voice), h("span", { class: "clip" }, name));
    chip.setAttribute("aria-label", t("voice.of", { avatar: a.name, name }));
    fill(trouble, a.lost_voice ? h("p", { class: "small-text lost" }, t("voice.lost", { name: a.lost_voice })) : null);
  }
  /** @param {import("../core/types.js").Voice | null} one */
  async function set(one) {
    try {
      Object.assign(
        a,
        await call("PATCH", `/avatars/${encodeURIComponent(a.id)}`, { body: { voice_id: one?.voice_id ?? null } }),
      );
      stale("avatars");
      draw(one, one?.name ?? t("voice.auto"));
      toast(t("voice.set", { avatar: a.name, name: one?.name ?? t("voice.auto") }));
    } catch (error) {
      fill(trouble, problemCard(error));
    }
  }
  draw(null, a.voice_id ?? t("voice.auto"));
  if (a.voice_id) {
    voices().then(
      (all) => {
        const found = all.find((v) => v.voice_id === a.voice_id) ?? null;
        draw(found, found?.name ?? `${a.voice_id} (${t("voice.gone")})`);
      },
      () => {},
    ); // the id stays; the picker tells what is wrong
  }
  return h("div", { class: "stack tight" }, chip, trouble);
}

/** @param {Avatar} a @param {() => void} changed */
function card(a, changed) {
  const name = a.name;
  const el = h("li", { class: "person card" });
  const details = () =>
    openDialog({
      title: name,
      body: [
        h(
          "div",
          { class: "stack" },
          report(a.report, a.kind),
          h(
            "dl",
            { class: "facts-list num" },
            h("dt", null, t("detail.size")),
            h("dd", null, `${a.width} × ${a.height} · ${number(a.fps, 2)} fps`),
            h("dt", null, t("detail.engine")),
            h("dd", null, a.engine),
            h("dt", null, t("detail.made")),
            h("dd", null, moment(a.created_at)),
            h("dt", null, t("detail.id")),
            h("dd", { class: "mono" }, a.id),
          ),
        ),
      ],
    });
  async function remove() {
    if (
      !(await confirmDialog({ title: t("avatars.delete", { name }), text: t("avatars.delete.text"), yes: t("delete") }))
    )
      return;
    try {
      await call("DELETE", `/avatars/${encodeURIComponent(a.id)}`);
      changed();
    } catch (error) {
      el.append(problemCard(error));
    }
  }
  const warned = a.report.warnings.length + (a.report.missing_shapes?.length ?? 0);
  el.append(
    face(a, el),
    h(
      "div",
      { class: "stack tight person-words" },
      h("h3", { class: "clip" }, name),
      h(
        "div",
        { class: "row wrap" },
        pill(a.is_builtin ? t("avatars.builtin") : t(`avatars.kind.${a.kind}`), "plain"),
        warned ? pill(t("avatars.warnings", { n: warned }), "warn") : null,
      ),
      a.kind === "portrait" ? null : h("p", { class: "small-text muted" }, coverageText(a.report)),
      voiceOf(a),
      h(
        "div",
        { class: "row" },
        linkButton({
          href: `/chat_system?avatar=${encodeURIComponent(a.id)}`,
          label: t("avatars.talk"),
          icon: "chat",
          bare: true,
          kind: "small",
        }),
        linkButton({
          href: `/video_generation?avatar=${encodeURIComponent(a.id)}`,
          label: t("avatars.video"),
          icon: "video",
          bare: true,
          kind: "small",
        }),
        button({ icon: "info", label: t("avatars.details", { name }), bare: true, kind: "small", onclick: details }),
        a.is_builtin
          ? null
          : button({
              icon: "trash",
              label: t("avatars.delete", { name }),
              bare: true,
              kind: "small",
              onclick: () => void remove(),
            }),
      ),
    ),
  );
  return el;
}
