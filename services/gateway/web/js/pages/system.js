// @ts-check
// System: what runs, what could run and why it does not, and the limits.
import { button, h } from "../core/dom.js";
import { devices, engines, readSystem, stale, watchSystem } from "../core/facts.js";
import { bytes, moment, number, span } from "../core/format.js";
import { knows, t, term } from "../core/i18n.js";
import { linkButton, page, pill, section } from "../parts/bits.js";
import { languageName } from "../parts/people.js";
import { loaded, problemCard } from "../parts/say.js";
import { servicePill } from "../parts/services.js";

/** @typedef {import("../core/types.js").Engine} Engine */
/** @typedef {import("../core/types.js").System} System */

const ORDER = ["asr", "llm", "tts", "render"];

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function systemPage({ signal }) {
  const state = loaded(() => readSystem(signal), overview, { skeletons: 5, height: 56 });
  watchSystem(signal, (now) => state.el.hasAttribute("aria-busy") || state.el.replaceChildren(overview(now)));
  const engineList = loaded(
    engines,
    ({ items, unreachable }) =>
      h(
        "div",
        { class: "stack loose" },
        ...ORDER.map((service) => {
          const gone = unreachable.find((u) => u.service === service);
          return h(
            "div",
            { class: "stack" },
            h("h3", null, t(`service.${service}`)),
            gone
              ? problemCard(gone.problem, { alert: false })
              : h("ul", { class: "grid engines" }, ...items.filter((e) => e.service === service).map(engine)),
          );
        }),
      ),
    { skeletons: 4, height: 80 },
  );
  const deviceList = loaded(
    devices,
    (all) =>
      h(
        "ul",
        { class: "stack" },
        ...all.map((d) =>
          h(
            "li",
            { class: "card" },
            h("div", { class: "row apart" }, h("strong", null, d.name), h("code", { class: "mono" }, d.device)),
            d.memory_bytes
              ? meter(
                  d.used_bytes,
                  d.memory_bytes,
                  t("system.memory", { used: bytes(d.used_bytes), all: bytes(d.memory_bytes) }),
                )
              : null,
          ),
        ),
      ),
    { skeletons: 1, height: 64 },
  );
  const again = () => {
    for (const key of /** @type {const} */ (["engines", "devices"])) stale(key);
    for (const place of [state, engineList, deviceList]) void place.reload();
  };
  return page(
    t("nav.system"),
    t("system.lead"),
    section(
      t("system.services"),
      [button({ icon: "refresh", label: t("refresh"), kind: "small", onclick: again })],
      state.el,
    ),
    section(t("system.engines"), [], engineList.el),
    section(t("system.devices"), [], deviceList.el),
    h(
      "p",
      { class: "row wrap small-text" },
      linkButton({ href: "/docs", label: t("system.api"), kind: "quiet small" }),
      linkButton({ href: "/metrics", label: t("system.metrics"), kind: "quiet small" }),
    ),
  );
}

/** What an engine is, in the page's language where that is known by its name; the service tells it in English. @param {Engine} e */
function engineWords(e) {
  if (!knows(`engine.is.${e.name}`)) return h("p", { class: "small-text muted", lang: "en" }, e.description);
  const [, ...notices] = e.description.split(". "); // what an engine has to say of today follows its first sentence
  return h(
    "p",
    { class: "small-text muted" },
    t(`engine.is.${e.name}`),
    notices.length ? h("span", { lang: "en" }, " ", notices.join(". ")) : null,
  );
}

/** @param {Engine} e */
function statePill(e) {
  if (!e.available) return pill(t("engine.off"), "");
  if (e.breaker === "open" || e.breaker === "half-open")
    return pill(t(e.breaker === "open" ? "engine.resting" : "engine.trying"), "warn");
  return pill(t("engine.on"), "good");
}

/** Why an engine that is set up is not asked in its turn. @param {Engine} e */
function resting(e) {
  if (e.breaker !== "open" && e.breaker !== "half-open") return null;
  const what = e.breaker === "open" ? t("engine.rests", { time: span(e.breaker_retry_s) }) : t("engine.tries");
  return h("p", { class: "small-text" }, what, h("span", { lang: "en" }, " ", e.breaker_reason));
}

/** @param {Engine} e */
const engine = (e) =>
  h(
    "li",
    { class: "card" },
    h(
      "div",
      { class: "row apart wrap" },
      h("strong", null, e.name),
      h("span", { class: "row" }, e.is_default ? pill(t("engine.default"), "plain") : null, statePill(e)),
    ),
    engineWords(e),
    e.available ? resting(e) : h("p", { class: "small-text", lang: "en" }, e.reason),
    e.service !== "render" || !e.available
      ? null
      : e.can_train
        ? h("p", { class: "small-text" }, t("engine.trains"))
        : h(
            "p",
            { class: "small-text muted" },
            t("engine.trains.not"),
            e.cannot_train_reason ? h("span", { lang: "en" }, " ", e.cannot_train_reason) : null,
          ),
    e.videos_only ? h("p", { class: "small-text muted" }, t("engine.videos_only")) : null,
    h(
      "p",
      { class: "small-text muted" },
      [[...new Set(e.languages.map(languageName))].join(", "), e.models.join(", "), e.license]
        .filter(Boolean)
        .join(" · "),
    ),
  );

/** @param {number} part @param {number} whole @param {string} text */
function meter(part, whole, text) {
  const fill = h("i", null);
  fill.style.setProperty("--part", `${(100 * part) / whole}%`);
  return h(
    "div",
    { class: "stack tight" },
    h("div", { class: "bar calm", "aria-hidden": "true" }, fill),
    h("span", { class: "small-text muted num" }, text),
  );
}

/** @param {System} now */
function overview(now) {
  const { limits, disk } = now;
  const rows = [
    ["upload", bytes(limits.upload_bytes)],
    ["audio", span(limits.audio_s)],
    ["video", span(limits.video_s)],
    ["text", t("system.chars", { n: number(limits.text_chars) })],
    ["side", `${number(limits.picture_side_px)} px`],
    ["queued", number(limits.queued_jobs)],
  ];
  return h(
    "div",
    { class: "stack" },
    h(
      "ul",
      { class: "card service-list" },
      ...now.services.map((s) =>
        h(
          "li",
          { class: "service" },
          h("strong", null, t(`service.${s.service}`)),
          h("span", { class: "small-text muted grow" }, s.why || t(`service.${s.service}.does`)),
          h("code", { class: "mono muted" }, s.address),
          h("span", { class: "small-text muted since" }, s.since ? moment(s.since) : ""),
          servicePill(s),
        ),
      ),
    ),
    h(
      "div",
      { class: "grid facts-cards" },
      h(
        "div",
        { class: "card" },
        h("h3", null, t("system.limits")),
        h(
          "dl",
          { class: "facts-list num" },
          ...rows.flatMap(([k, v]) => [h("dt", null, t(`limit.${k}`)), h("dd", null, v)]),
        ),
      ),
      h(
        "div",
        { class: "card" },
        h("h3", null, t("system.queues")),
        h(
          "dl",
          { class: "facts-list num" },
          ...now.queues.flatMap((q) => [
            h("dt", null, term("queue", q.queue)),
            h("dd", null, t("queue.state", { running: q.running, of: q.concurrency, waiting: q.waiting })),
          ]),
        ),
      ),
      h(
        "div",
        { class: "card" },
        h("h3", null, t("system.disk")),
        meter(
          disk.total_bytes - disk.free_bytes,
          disk.total_bytes,
          t("system.free", { free: bytes(disk.free_bytes), all: bytes(disk.total_bytes) }),
        ),
        h("h3", null, t("system.version")),
        h("p", { class: "mono" }, now.version),
        h("p", { class: "small-text muted" }, t(now.accounts ? "system.accounts" : "system.local")),
      ),
    ),
  );
}
