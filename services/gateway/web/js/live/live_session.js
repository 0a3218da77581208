// @ts-check
// A live conversation: what the server says goes to the player and the view, what the user does to the server.
import { MicError } from "../core/recorder.js";
import { ANSWERING, LiveGate } from "./live_gate.js";
import { microphoneFrame } from "./live_messages.js";
import { LiveMicrophone } from "./live_microphone.js";
import { LivePlayers } from "./live_players.js";
import { LiveSocket } from "./live_socket.js";

/** @typedef {import("./live_messages.js").LiveClause} LiveClause */
/** @typedef {import("./live_messages.js").PlayerFailure} PlayerFailure */
/** @typedef {import("./live_messages.js").SessionOptions} SessionOptions */
/** @typedef {"asking" | "connecting" | "queued" | "listening" | "hearing" | "thinking" | "speaking" | "held" |
 *   "reconnecting" | "over"} LiveState */
/** @typedef {"denied" | "missing" | "insecure" | "busy" | "unplugged"} NoMicrophone */
/** A voice that the server does not confirm by then is none. */
const MAX_DUCK_MS = 1500;

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
  #gate = new LiveGate();
  /** What the server was told when the player failed, until it has answered. @type {Record<string, unknown> | null} */
  #change = null;
  /** Settings that were changed while the connection was lost. @type {Record<string, unknown> | null} */
  #unsent = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #ducking;

  /** @param {SessionOptions} options */
  constructor(options) {
    this.options = options;
    const { surface } = options;
    const onended = (/** @type {import("./live_messages.js").Played} */ played) =>
      this.#send({ type: "played", ...played, is_end: true });
    const onfailed = (/** @type {PlayerFailure} */ reason) => this.#playerFailed(reason);
    this.players = new LivePlayers({ surface, onended, onfailed });
    this.microphone = new LiveMicrophone({
      onframe: (samples) => this.#socket?.sendSound(microphoneFrame(samples)),
      onlevel: options.onlevel,
      onvoice: (on) => this.#duck(on && this.state === "speaking"),
      onunplugged: () => this.#withoutMicrophone("unplugged"),
    });
  }

  get player() {
    return this.players.current;
  }

  /** Call it while the user clicks: sound and microphone need that. */
  async start() {
    const sound = this.player.open();
    this.#setState("asking");
    await this.openMicrophone(this.options.device);
    if (this.#isOver) return;
    this.#setState("connecting");
    await Promise.all([sound, this.options.ready()]);
    if (this.#isOver) return;
    this.#socket = new LiveSocket({
      hello: () => ({ ...this.options.speaker(), can: [this.players.transport], listening: this.#listening() }),
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
    const { gen } = this.player;
    this.#duck(false);
    this.#gate.stop(gen);
    this.#send({ type: "interrupt", gen, heard_us: gen && this.player.positionUs() });
    this.player.drop();
    this.#setState("listening");
  }

  /** @param {string} text */
  ask(text) {
    this.player.drop();
    this.#gate.stopAll();
    this.#expectAnswer();
    return this.#send({ type: "text", text });
  }

  /** @param {"continue" | "ask"} what */
  again(what) {
    this.#expectAnswer();
    this.#send({ type: "again", what });
  }

  /** From the next answer, or the user's next words, on. @param {Record<string, unknown>} settings */
  change(settings) {
    const all = { ...this.#unsent, ...settings };
    this.#unsent = this.#send({ type: "settings", ...all }) ? null : all;
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

  #expectAnswer() {
    const frame = this.options.idleFrame();
    if (frame !== undefined) this.#send({ type: "idle", frame });
  }

  /** @param {boolean} on */
  #duck(on) {
    clearTimeout(this.#ducking);
    this.player.duck(on);
    if (on) this.#ducking = setTimeout(() => this.player.duck(false), MAX_DUCK_MS);
  }

  /** @param {any} event */
  #event(event) {
    if (this.#isOver) return;
    if (event.type === "welcome") this.#welcomed(event);
    if (!this.#gate.passes(event)) return;
    if (event.type in this.#handlers) this.#handlers[event.type](event);
    this.options.onevent(event);
  }

  /** @param {any} welcome */
  #welcomed({ resumed, transport }) {
    if (!resumed) {
      this.player.drop();
      this.#gate.reset();
      this.#change = this.#unsent = null; // the new session was greeted with them
    } else {
      this.#setState(this.#told);
      if (this.#unsent) this.change({});
      // what was said meanwhile did not arrive
      if (this.#change && transport !== this.players.transport) this.#send(this.#change);
      if (this.#gate.stopsNext) this.#send({ type: "interrupt", gen: 0, heard_us: 0 });
    }
    this.#listen();
  }

  /** Another player says what was not heard; without one the conversation ends. @param {PlayerFailure} reason */
  #playerFailed(reason) {
    if (this.#isOver) return;
    const played = { gen: this.player.gen, heard_us: this.player.positionUs() };
    const isLeft = this.players.next();
    this.#change = { type: "transport", can: isLeft ? [this.players.transport] : [], ...played, reason };
    this.#gate.isChanging = isLeft;
    this.#clauses = [];
    this.#duck(false);
    this.#expectAnswer();
    this.#send(this.#change);
    if (!isLeft) this.close();
    this.options.onplayerfailed(reason, isLeft);
  }

  /** @type {Record<string, (event: any) => void>} */
  #handlers = {
    queue: ({ position }) => this.#setState("queued", position),
    state: ({ state }) => {
      this.#told = state;
      if (state === "queued" || (this.#gate.stopsNext && ANSWERING.includes(state))) return;
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
    transport: () => (this.#change = null),
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
