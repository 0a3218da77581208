// @ts-check
// The socket of a live conversation. A lost connection is taken up again without the rest of the page noticing much.
import { parseFrame, PROTOCOL } from "./live_messages.js";

/** @typedef {import("./live_messages.js").MediaFrame} MediaFrame */
/** @typedef {import("./live_messages.js").Played} Played */
/**
 * @typedef {object} SocketOptions
 * @property {() => Record<string, unknown>} hello who answers, and how media comes
 * @property {() => Played | null} played where the player is; `null` while it plays nothing
 * @property {(event: any) => void} onevent
 * @property {(frame: MediaFrame) => void} onmedia
 * @property {() => void} onlost the connection was lost and is being taken up again
 * @property {(wasOpen: boolean) => void} onfailed it is over; without `wasOpen` it was never there
 */

const PLAYED_MS = 200;
const PING_MS = 5000;
const SILENT_MS = 12_000;
const RETRY_MS = [200, 500, 1000, 2000];
const CONNECT_MS = 10_000;
/** Sound from the microphone that waits for a slow connection; more is left out. */
const MAX_WAITING_BYTES = 64_000;
/** Close codes after which it makes no sense to come back: the end, refused, failed, full. */
const FINAL = [1000, 1008, 1011, 1013];

export class LiveSocket {
  /** @type {WebSocket | null} */
  #socket = null;
  #session = "";
  #conversation = "";
  #resumeMs = 30_000;
  #lastSeq = -1;
  #lostAt = 0;
  #tries = 0;
  #heardAt = 0;
  #isOver = false;
  /** @type {Played | undefined} */
  #lastPlayed;
  /** @type {ReturnType<typeof setInterval>[]} */
  #timers = [];

  /** @param {SocketOptions} options */
  constructor(options) {
    this.options = options;
    this.#timers.push(setInterval(() => this.#reportPlayed(), PLAYED_MS));
    this.#timers.push(setInterval(() => this.#ping(), PING_MS));
    this.#connect();
  }

  /** @param {Record<string, unknown>} message @returns {boolean} whether it was sent */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** @param {ArrayBuffer} frame */
  sendSound(frame) {
    const socket = this.#socket;
    if (socket?.readyState === WebSocket.OPEN && socket.bufferedAmount < MAX_WAITING_BYTES) socket.send(frame);
  }

  /** Says good-bye. */
  close() {
    this.send({ type: "bye" });
    this.#finish();
  }

  #finish() {
    this.#isOver = true;
    for (const timer of this.#timers) clearInterval(timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
  }

  #connect() {
    const address = new URL("/api/v1/live", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    const late = setTimeout(() => this.#lost(socket, 1006), CONNECT_MS);
    socket.onopen = () => {
      clearTimeout(late);
      this.#heardAt = Date.now();
      this.send(this.#hello());
    };
    socket.onmessage = ({ data }) => socket === this.#socket && this.#received(data);
    socket.onclose = ({ code }) => {
      clearTimeout(late);
      this.#lost(socket, code);
    };
  }

  #hello() {
    const again = { session: this.#session, last: this.#lastPlayed, last_seq: this.#lastSeq };
    const conversation = this.#conversation ? { conversation_id: this.#conversation } : {};
    const resume = this.#session ? again : {};
    return { type: "hello", protocol: PROTOCOL, ...this.options.hello(), ...conversation, ...resume };
  }

  /** @param {string | ArrayBuffer} data */
  #received(data) {
    this.#heardAt = Date.now();
    if (typeof data !== "string") {
      const frame = parseFrame(data);
      if (!frame) return;
      this.#lastSeq = Math.max(this.#lastSeq, frame.seq);
      this.options.onmedia(frame);
      return;
    }
    const event = JSON.parse(data);
    if (event.type === "welcome") this.#welcomed(event);
    this.#lastSeq = Math.max(this.#lastSeq, event.seq);
    if (event.type === "pong") return;
    this.options.onevent(event);
    if (event.type === "error" && event.fatal) this.#finish();
  }

  /** @param {any} welcome */
  #welcomed(welcome) {
    if (!welcome.resumed) {
      this.#lastSeq = -1;
      this.#lastPlayed = undefined;
    }
    this.#session = welcome.session;
    this.#conversation = welcome.conversation_id;
    this.#resumeMs = welcome.resume_s * 1000;
    this.#lostAt = this.#tries = 0;
  }

  /** @param {WebSocket} socket @param {number} code */
  #lost(socket, code) {
    if (socket !== this.#socket || this.#isOver) return;
    this.#socket = null;
    socket.close();
    if (!this.#session || FINAL.includes(code)) return this.#fail();
    if (!this.#lostAt) {
      this.#lostAt = Date.now();
      this.options.onlost();
    }
    if (Date.now() - this.#lostAt > this.#resumeMs) return this.#fail();
    const wait = RETRY_MS[Math.min(this.#tries++, RETRY_MS.length - 1)];
    setTimeout(() => this.#isOver || this.#connect(), wait);
  }

  #fail() {
    this.#finish();
    this.options.onfailed(Boolean(this.#session));
  }

  #reportPlayed() {
    const played = this.options.played();
    if (!played) return;
    this.#lastPlayed = played;
    this.send({ type: "played", ...played });
  }

  /** Finds out that a connection is dead although nobody closed it. */
  #ping() {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    if (Date.now() - this.#heardAt > SILENT_MS) this.#lost(socket, 1006);
    else this.send({ type: "ping", at: performance.now() });
  }
}
