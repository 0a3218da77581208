// @ts-check
// Chat: the face on the left, the conversation on the right.
import { create, get, newKey } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { voices } from "../core/facts.js";
import { t } from "../core/i18n.js";
import * as jobs from "../core/jobs.js";
import { recall, remember } from "../core/prefs.js";
import { setQuery } from "../core/router.js";
import { field } from "../parts/bits.js";
import { composer } from "../parts/composer.js";
import { send } from "../parts/files.js";
import { chooseConversation } from "../parts/history.js";
import { choosePerson, chooseVoice, face, people, personAsked, voiceFace, usualVoice } from "../parts/people.js";
import { announce, isAbort, problemCard } from "../parts/say.js";
import { stage } from "../parts/stage.js";
import { turn } from "../parts/turn.js";

/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {import("../parts/turn.js").Turn} Turn */

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function chatPage({ signal, query }) {
  /** @type {import("../core/types.js").Person | null} */
  let person = null;
  let voice = recall("chat.voice", "");
  /** @type {string | null} */
  let conversation = query.get("c") ?? (query.has("job") ? null : recall("chat.conversation", null));
  let listening = false;
  /** @type {Turn[]} */
  let turns = [];

  const avatarChip = h("button", {
    type: "button",
    class: "chip",
    "aria-haspopup": "dialog",
    on: { click: () => choosePerson(person?.key ?? "", setPerson, persona()) },
  });
  const voiceChip = h("button", {
    type: "button",
    class: "chip",
    "aria-haspopup": "dialog",
    on: { click: () => chooseVoice(voice, setVoice) },
  });
  const scene = stage(signal, avatarChip, voiceChip);
  const log = h("ol", { class: "log", role: "log", "aria-label": t("chat.log"), tabindex: 0 });
  const box = composer({
    signal,
    ask: (text) => void begin(turn({ text }, actions), async () => ({ text })),
    hear: (file) => void hear(file),
    onlisten: (on) => {
      listening = on;
      drawState();
    },
  });
  const actions = {
    /** @param {Turn} one */
    play: (one) =>
      one.video ? scene.playUrl(one.video, one.clauses, one.endFrame) : one.job && scene.playJob(one.job),
    /** @param {Job} job the same question once more */
    again: (job) => {
      if (running()) return;
      const { text, audio_asset_id } = job.params;
      /** @type {Record<string, string>} */
      const asked = text ? { text } : { audio_asset_id };
      void begin(turn({ text: text ?? undefined }, actions), async () => asked);
    },
  };

  // the face

  /** @param {import("../core/types.js").Person} one */
  function setPerson(one) {
    if (person?.avatar.id !== one.avatar.id) scene.show(one.avatar);
    person = one;
    remember("chat.avatar", one.key);
    const name = one.name;
    fill(avatarChip, face(one.avatar), h("span", { class: "clip" }, name));
    avatarChip.setAttribute("aria-label", t("chat.avatar", { name }));
    if (!voice) drawVoice(null);
  }

  /** Who the avatar is, in words for the language model; kept for each avatar. */
  function persona() {
    const words = h("textarea", {
      class: "input",
      rows: 3,
      maxlength: 2000,
      placeholder: t("persona.example"),
      value: recall(personaKey(), ""),
      on: { input: () => remember(personaKey(), words.value.trim() || undefined) },
    });
    return field(t("persona"), words, t("persona.help"));
  }
  const personaKey = () => `persona.${person?.avatar.id ?? "builtin"}`;

  /** @param {import("../core/types.js").Voice | null} one */
  function setVoice(one) {
    voice = one?.voice_id ?? "";
    remember("chat.voice", voice);
    drawVoice(one);
  }

  /** @param {import("../core/types.js").Voice | null} one */
  function drawVoice(one) {
    const draw = (/** @type {string} */ name) => {
      fill(voiceChip, voiceFace(one), h("span", { class: "clip" }, name));
      voiceChip.setAttribute("aria-label", t("chat.voice", { name }));
    };
    draw(one?.name ?? t("voice.auto"));
    const whose = person;
    if (!one && whose?.avatar.voice_id)
      usualVoice(whose.avatar).then(
        (name) => whose === person && !voice && draw(name),
        () => {},
      ); // without its name the voice still speaks
  }
  people({ talking: true }).then(
    (all) => setPerson(personAsked(all, query, recall("chat.avatar", "builtin"))),
    (error) => signal.aborted || log.prepend(h("li", null, problemCard(error))),
  );
  drawVoice(null);
  if (voice)
    voices().then(
      (all) => setVoice(all.find((v) => v.voice_id === voice) ?? null),
      () => {},
    ); // the picker tells what is wrong

  // turns

  const running = () => turns.some((one) => one.el.dataset.state === "sending" || (one.job && !jobs.over(one.job)));

  function drawState() {
    scene.set({ listening, thinking: running() });
    box.setBusy(running());
  }

  /** @param {Turn} one */
  function add(one) {
    if (!turns.length) fill(log);
    turns.push(one);
    log.append(one.el);
    log.scrollTop = log.scrollHeight;
  }

  /** @param {File} file */
  async function hear(file) {
    const one = turn({}, actions);
    const ok = await begin(one, async () => {
      const asset = await send(one.upload, file, { signal, back: () => drop(one) });
      if (!asset) return null;
      fill(one.upload);
      one.setHeard(asset.url);
      return { audio_asset_id: asset.id };
    });
    if (ok === null && one.el.isConnected) one.el.dataset.state = "failed";
    drawState();
  }

  /** @param {Turn} one */
  function drop(one) {
    one.el.remove();
    turns = turns.filter((o) => o !== one);
    if (!turns.length) greet();
    drawState();
  }

  /**
   * Shows a turn at once, then asks the server for it.
   * @param {Turn} one @param {() => Promise<Record<string, string> | null>} question what to ask; null when nothing came of it
   * @param {string} [key] @param {Record<string, unknown>} [sent] what was sent under this key before: a repeat says the same
   */
  async function begin(one, question, key = newKey(), sent = undefined) {
    one.el.dataset.state = "sending";
    if (!one.el.isConnected) add(one);
    drawState();
    const asked = await question();
    if (!asked) return null;
    const body = sent ?? {
      ...asked,
      avatar_id: person?.avatar.id ?? "builtin",
      model: person?.model?.id,
      engine: person?.model?.engine,
      voice_id: voice || undefined,
      conversation_id: conversation ?? undefined,
      persona: recall(personaKey(), "") || undefined,
      idle_frame: scene.idleFrame(),
    };
    try {
      const job = jobs.learn(await create("/dialogues", body, key));
      remember("chat.job", job.id);
      if (asked.text !== undefined) box.clear();
      attach(one, job);
    } catch (error) {
      one.el.dataset.state = "failed";
      one.fail(error, () => void begin(one, async () => asked, key, body));
    }
    drawState();
    return asked;
  }

  /** Follows a job until it is over. @param {Turn} one @param {Job} job */
  function attach(one, job) {
    let played = job.state === "succeeded";
    let told = "";
    const draw = (/** @type {Job} */ now) => {
      const low = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
      one.setJob(now);
      const id = now.result?.conversation_id ?? now.params.conversation_id;
      if (id && id !== conversation && turns.includes(one)) keepConversation(id);
      if (now.playable && !played) {
        played = true;
        scene.playJob(now);
      }
      if (jobs.over(now) && told !== now.state) {
        told = now.state;
        announce(now.state === "succeeded" ? (now.result?.reply ?? "") : t(`state.${now.state}`));
      }
      if (low) log.scrollTop = log.scrollHeight;
      drawState();
    };
    draw(job);
    jobs.watch(
      signal,
      (e) => draw(e.job),
      (j) => j.id === job.id && one.el.isConnected,
    );
  }

  /** @param {string | null} id */
  function keepConversation(id) {
    conversation = id;
    remember("chat.conversation", id ?? undefined);
    setQuery("c", id);
  }

  // beginnings

  function greet() {
    const ask = (/** @type {number} */ n) => {
      const text = t(`chat.suggest.${n}`);
      return h(
        "li",
        null,
        h(
          "button",
          {
            type: "button",
            class: "button suggestion",
            on: { click: () => begin(turn({ text }, actions), async () => ({ text })) },
          },
          text,
        ),
      );
    };
    fill(
      log,
      h(
        "li",
        { class: "turn greeting" },
        h("div", { class: "bubble answer" }, h("p", { class: "words" }, t("chat.greeting"))),
        h("ul", { class: "stack tight suggestions" }, ask(1), ask(2), ask(3)),
      ),
    );
  }

  /** @param {string | null} id */
  async function open(id) {
    scene.hush();
    turns = [];
    keepConversation(id);
    fill(log);
    try {
      const known = id ? await get(`/conversations/${encodeURIComponent(id)}`, signal) : null;
      if (conversation !== id) return;
      for (const user of known?.messages.filter((/** @type {any} */ m) => m.role === "user") ?? []) {
        const one = turn({ text: user.text }, actions);
        one.setMessages(
          user,
          known.messages.find((/** @type {any} */ m) => m.role === "assistant" && m.job_id === user.job_id) ?? null,
        );
        add(one);
      }
    } catch (error) {
      if (isAbort(error)) return;
      keepConversation(null);
      if (/** @type {any} */ (error).body?.status !== 404)
        fill(log, h("li", null, problemCard(error, { retry: () => open(id) })));
    }
    await reattach();
    if (!turns.length && !log.childElementCount) greet();
    drawState();
  }

  /** Turns that were on their way when the page was left. */
  async function reattach() {
    const last = query.get("job") ?? recall("chat.job", null);
    const of = (/** @type {Job} */ j) => j.result?.conversation_id ?? j.params.conversation_id ?? null;
    /** @type {Job[]} */
    const found = await jobs.fetchJobs("kind=dialogue&state=active&limit=50", signal).catch(() => []);
    if (last && !found.some((j) => j.id === last))
      await jobs.read(last, signal).then(
        (j) => found.push(j),
        () => remember("chat.job", undefined),
      );
    const latest = found.find((j) => j.id === last);
    if (latest && conversation === null && of(latest)) return open(of(latest)); // its first turn ended while nobody looked
    const mine = found.filter((j) => of(j) === conversation && (conversation !== null || j.id === last));
    for (const job of mine.sort((a, b) => a.created_at.localeCompare(b.created_at))) {
      const one = turns.find((o) => o.el.dataset.job === job.id);
      if (one && job.state === "succeeded") continue;
      const now = one ?? turn({ text: job.params.text ?? undefined }, actions);
      if (!one) add(now);
      attach(now, job);
    }
  }

  void open(conversation);
  const fresh = () => {
    remember("chat.job", undefined);
    void open(null);
    box.focus();
  };
  const head = h(
    "div",
    { class: "talk-head row" },
    h("h1", { class: "grow" }, t("nav.chat")),
    button({
      icon: "clock",
      label: t("chat.history"),
      bare: true,
      onclick: () => chooseConversation(conversation, open),
    }),
    button({ icon: "plus", label: t("chat.new"), bare: true, onclick: fresh }),
  );
  return h("div", { class: "chat" }, scene.el, h("div", { class: "talk" }, head, log, box.el));
}
