// @ts-check
// Messages of the live socket (docs/live.md), and the frames of media in bytes.

/** @typedef {{kind: "picture" | "sound" | "mp4", isKey: boolean, gen: number, seq: number, ptsUs: number,
 *   data: Uint8Array}} MediaFrame `ptsUs` below 0: decoded, but not shown */
/** @typedef {{width: number, height: number, fps: number, codec: string, description: string,
 *   mime_type: string}} VideoFormat */
/** @typedef {{type: "turn", gen: number, turn: string, question: string, video: VideoFormat, sample_rate_hz: number,
 *   start_frame: number}} TurnEvent */
/** @typedef {{text: string, start_us: number, end_us: number}} LiveClause */
/** @typedef {{gen: number, us: number}} Played */
/** @typedef {"failed" | "stalled"} PlayerFailure an error, or nothing although all was there */
/**
 * Where pictures are shown.
 * @typedef {object} Surface
 * @property {(el: HTMLElement) => void} add
 * @property {(el: HTMLElement) => void} show over the idle loop
 * @property {(el: HTMLElement, frame?: number) => void} hide the loop goes on, at a frame of it
 */
/**
 * @typedef {{surface: Surface, onended: (played: Played) => void,
 *   onfailed: (reason: PlayerFailure) => void}} PlayerOptions
 */
/**
 * Plays one answer at a time; 0 is the generation of none.
 * @typedef {object} Player
 * @property {number} gen
 * @property {() => Promise<void>} open
 * @property {(turn: TurnEvent) => void} begin
 * @property {(frame: MediaFrame) => void} media
 * @property {(end: {duration_us: number, end_frame: number}) => void} end
 * @property {() => void} hold
 * @property {() => void} resume
 * @property {() => void} drop
 * @property {() => void} release
 * @property {() => void} wake
 * @property {() => number} positionUs
 * @property {(volume: number) => void} setVolume
 * @property {(on: boolean) => void} duck
 */

/**
 * @typedef {object} SessionOptions
 * @property {Surface} surface
 * @property {() => number | undefined} idleFrame
 * @property {() => Promise<void>} ready until the conversation may begin
 * @property {() => Record<string, unknown>} speaker who answers
 * @property {string} device id of the microphone, or empty
 * @property {(state: import("./live_session.js").LiveState, position?: number) => void} onstate
 * @property {(event: any) => void} onevent what belongs into the log
 * @property {(level: number) => void} onlevel
 * @property {(reason: import("./live_session.js").NoMicrophone | null) => void} onmicrophone why there is
 *   none; `null` when there is one
 * @property {(reason: PlayerFailure, isLeft: boolean) => void} onplayerfailed another player goes on, or none is left
 *   and the conversation is over
 * @property {(error: unknown) => void} onover the conversation ended by a failure; `null` for a lost connection
 */

export const PROTOCOL = 1;
const HEAD = 20;
const MICROPHONE = 0x01;
const KEY = 0x01;
/** @type {Record<number, MediaFrame["kind"]>} */
const KINDS = { 0x11: "picture", 0x12: "sound", 0x13: "mp4" };

/** `null` for what this page does not know. @param {ArrayBuffer} bytes @returns {MediaFrame | null} */
export function parseFrame(bytes) {
  if (bytes.byteLength < HEAD) return null;
  const head = new DataView(bytes);
  const kind = KINDS[head.getUint8(0)];
  return kind
    ? {
        kind,
        isKey: Boolean(head.getUint8(1) & KEY),
        gen: head.getUint32(4, true),
        seq: head.getUint32(8, true),
        ptsUs: Number(head.getBigInt64(12, true)),
        data: new Uint8Array(bytes, HEAD),
      }
    : null;
}

/** @param {Int16Array} samples 16 kHz @returns {ArrayBuffer} */
export function microphoneFrame(samples) {
  const bytes = new ArrayBuffer(HEAD + 2 * samples.length);
  const view = new DataView(bytes);
  view.setUint8(0, MICROPHONE);
  samples.forEach((sample, i) => view.setInt16(HEAD + 2 * i, sample, true));
  return bytes;
}
