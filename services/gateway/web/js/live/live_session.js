// @ts-check
// A live conversation: what the server says goes to the player and the view, what the user does to the server.
import { MicError } from "../core/recorder.js";
import { microphoneFrame } from "./live_messages.js";
import { LiveMicrophone } from "./live_microphone.js";
import { canUseMediaSource, MsePlayer } from "./live_mse.js";
import { canUseWebCodecs, LivePlayer } from "./live_player.js";
import { LiveSocket } from "./live_socket.js";

/** @typedef {import("./live_messages.js").LiveClause} LiveClause */
/** @typedef {import("./live_messages.js").Surface} Surface */
/** @typedef {"asking" | "connecting" | "queued" | "listening" | "hearing" | "thinking" | "speaking" | "held" |
 *   "reconnecting" | "over"} LiveState */
/** @typedef {"denied" | "missing" | "insecure" | "busy" | "unplugged"} NoMicrophone */
/**
 * @typedef {object} SessionOptions
 * @property {Surface} surface
 * @property {() => number | undefined} idleFrame
 * @property {Record<string, unknown>} speaker who answers
 * @property {string} device id of the microphone, or empty
 * @property {(state: LiveState, position?: number) => void} onstate
 * @property {(event: any) => void} onevent what belongs into the log
 * @property {(level: number) => void} onlevel
 * @property {(reason: NoMicrophone | null) => void} onmicrophone why there is none; `null` when there is one
 * @property {(error: unknown) => void} onover the conversation ended by a failure; `null` for a lost connection
 */

const ANSWERING = ["thinking", "speaking", "held"];
/** A voice that the server does not confirm by then is none. */
const MAX_DUCK_MS = 1500;

/** Whether this browser can hold a live conversation. */
export const canTalkLive = () => "WebSocket" in window && (canUseWebCodecs() || canUseMediaSource());

export class LiveSession {
  /** @type {LiveSocket | null} */
  #socket = null;
  /** @type {LiveState} */
  state = "connecting";
  /** @type {LiveClause[]} */
  #clauses = [];
  /** @type {LiveState} as the server told it last */
  #told = "listening";
  #isOver = false;
  #isMuted = false;
  isPush = false;
  #newest = 0;
  #stopped = 0;
  #stopsNext = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #ducking;

  /** @param {SessionOptions} options */
  constructor(options) {
    this.options = options;
    const { surface } = options;
    const onended = (/** @type {import("./live_messages.js").Played} */ played) =>
      this.#send({ type: "played", ...played, is_end: true });
    const onfailed = (/** @type {unknown} */ error) => this.#fail(error);
    const Kind = canUseWebCodecs() ? LivePlayer : MsePlayer;
    this.transport = canUseWebCodecs() ? "webcodecs" : "mse";
    this.player = new Kind({ surface, onended, onfailed });
    this.microphone = new LiveMicrophone({
      onframe: (samples) => this.#socket?.sendSound(microphoneFrame(samples)),
      onlevel: options.onlevel,
      onvoice: (on) => this.#duck(on && this.state === "speaking"),
      onunplugged: () => this.#withoutMicrophone("unplugged"),
    });
  }

  /** Call it while the user clicks: sound and microphone need that. */
  async start() {
    const sound = this.player.open();
    this.#setState("asking");
    await this.openMicrophone(this.options.device);
    if (this.#isOver) return;
    this.#setState("connecting");
    await sound;
    if (this.#isOver) return;
    this.#socket = new LiveSocket({
      hello: { ...this.options.speaker, can: [this.transport], listening: this.#listening() },
      played: () => (this.player.gen ? { gen: this.player.gen, us: this.player.positionUs() } : null),
      onevent: (event) => this.#event(event),
      onmedia: (frame) => this.player.media(frame),
      onlost: () => this.#setState("reconnecting"),
      onfailed: () => this.#fail(null),
    });
  }

  /** @param {string} device id, or empty */
  async openMicrophone(device) {
    try {
      await this.microphone.open(device);
      this.options.onmicrophone(null);
    } catch (error) {
      if (!(error instanceof MicError)) throw error;
      this.#withoutMicrophone(error.reason);
    }
    if (this.#isOver) this.microphone.close();
    else this.#listen();
  }

  /** The end, by the user. */
  close() {
    this.#socket?.close();
    this.#end();
  }

  get isAnswering() {
    return ANSWERING.includes(this.state);
  }

  /** Stops the answer at once, also one that is still thought of. */
  stop() {
    if (!this.isAnswering) return;
    const gen = this.player.gen;
    this.#duck(false);
    if (gen) {
      this.#interrupt(gen, this.player.positionUs());
      this.player.drop();
    } else this.#stopsNext = true;
    this.#setState("listening");
  }

  /** @param {string} text */
  ask(text) {
    this.player.drop();
    this.#stopped = this.#newest;
    this.#expectAnswer();
    return this.#send({ type: "text", text });
  }

  /** @param {"continue" | "ask"} what */
  again(what) {
    this.#expectAnswer();
    this.#send({ type: "again", what });
  }

  /** @param {boolean} on */
  mute(on) {
    this.#isMuted = on;
    this.microphone.mute(on);
    this.#listen();
  }

  /** @param {boolean} on */
  setPush(on) {
    this.isPush = on;
    this.#listen();
  }

  /** Push to talk: pressed or let go. @param {boolean} on */
  talk(on) {
    if (on && this.isAnswering) this.stop();
    this.#send({ type: "talk", on });
  }

  /** The words that are heard just now. */
  caption() {
    if (!this.player.gen || this.state === "held") return "";
    const now = this.player.positionUs();
    return this.#clauses.find((clause) => clause.start_us <= now && now < clause.end_us)?.text.trim() ?? "";
  }

  /** The words of the answer that have been heard by now. */
  heard() {
    const now = this.player.positionUs();
    return this.#clauses.filter((clause) => clause.start_us < now).map((clause) => clause.text);
  }

  #listening() {
    if (this.#isMuted || !this.microphone.isOpen) return "off";
    return this.isPush ? "push" : "auto";
  }

  #listen() {
    this.#send({ type: "listen", mode: this.#listening() });
  }

  /** @param {NoMicrophone} reason */
  #withoutMicrophone(reason) {
    this.options.onmicrophone(reason);
    this.#listen();
  }

  /** @param {Record<string, unknown>} message */
  #send(message) {
    return this.#socket?.send(message) ?? false;
  }

  /** @param {LiveState} state @param {number} [position] */
  #setState(state, position) {
    this.state = state;
    this.options.onstate(state, position);
  }

  /** @param {number} gen @param {number} heard_us */
  #interrupt(gen, heard_us) {
    this.#stopped = gen;
    this.#send({ type: "interrupt", gen, heard_us });
  }

  #expectAnswer() {
    this.#stopsNext = false;
    const frame = this.options.idleFrame();
    if (frame !== undefined) this.#send({ type: "idle", frame });
  }

  /** @param {boolean} on */
  #duck(on) {
    clearTimeout(this.#ducking);
    this.player.duck(on);
    if (on) this.#ducking = setTimeout(() => this.player.duck(false), MAX_DUCK_MS);
  }

  /** Whether the user has stopped this generation. @param {any} event */
  #isStopped(event) {
    if (event.gen === undefined) return false;
    const isNew = event.gen > this.#newest;
    this.#newest = Math.max(this.#newest, event.gen);
    if (isNew && this.#stopsNext && ["turn", "reply"].includes(event.type)) {
      this.#stopsNext = false;
      this.#interrupt(event.gen, 0);
    }
    return event.gen <= this.#stopped && !["interrupted", "timings"].includes(event.type);
  }

  /** @param {any} event */
  #event(event) {
    if (this.#isOver) return;
    if (event.type === "welcome" && !event.resumed) {
      this.player.drop();
      this.#newest = this.#stopped = 0;
    }
    if (event.type === "welcome" && event.resumed) this.#setState(this.#told);
    if (event.type === "welcome") this.#listen();
    if (this.#isStopped(event)) return;
    if (event.type in this.#handlers) this.#handlers[event.type](event);
    this.options.onevent(event);
  }

  /** @type {Record<string, (event: any) => void>} */
  #handlers = {
    queue: ({ position }) => this.#setState("queued", position),
    state: ({ state }) => {
      this.#told = state;
      if (state === "queued" || (this.#stopsNext && ANSWERING.includes(state))) return;
      this.#setState(state);
    },
    speech_ended: () => this.#expectAnswer(),
    turn: (event) => {
      this.#clauses = [];
      this.#duck(false);
      this.player.begin(event);
    },
    clause: (event) => this.#clauses.push(event),
    end: (event) => event.gen === this.player.gen && this.player.end(event),
    hold: () => {
      this.player.hold();
      this.#duck(false);
    },
    resume: () => this.player.resume(),
    interrupted: ({ gen }) => {
      if (gen === this.player.gen) this.player.drop();
      this.#duck(false);
    },
    error: ({ fatal, problem }) => fatal && this.#fail(problem),
  };

  /** @param {unknown} error */
  #fail(error) {
    if (this.#isOver) return;
    this.#socket?.close();
    this.#end();
    this.options.onover(error);
  }

  #end() {
    this.#isOver = true;
    clearTimeout(this.#ducking);
    this.microphone.close();
    this.player.release();
    this.#setState("over");
  }
}
