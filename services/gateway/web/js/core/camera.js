// @ts-check
// Recording a film of oneself: camera and microphone, the live picture, and the result as a file.

/** Types in order of preference; the server takes both. */
const TYPES = ["video/mp4;codecs=avc1.42E01E,mp4a.40.2", "video/webm;codecs=vp8,opus", "video/webm", "video/mp4"];
const BITS_PER_S = 1_500_000;
const HEIGHT_PX = 480;

/**
 * Why the camera cannot be used: an "insecure" page, "denied" by the user, "missing" (or no microphone), "busy" in
 * another program, or a browser that is too "old".
 */
export class CameraError extends Error {
  /** @param {"insecure" | "denied" | "missing" | "busy" | "old"} reason */
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

/**
 * @typedef {object} Filming
 * @property {MediaStream} stream for the live picture
 * @property {() => void} begin starts the recording
 * @property {() => Promise<File>} end ends it, and closes the camera
 * @property {() => void} cancel closes the camera
 */

/** Opens the camera. Throws `CameraError`. @returns {Promise<Filming>} */
export async function openCamera() {
  if (!isSecureContext || !navigator.mediaDevices) throw new CameraError("insecure");
  const type = globalThis.MediaRecorder ? TYPES.find((t) => MediaRecorder.isTypeSupported(t)) : undefined;
  if (!type) throw new CameraError("old");
  const stream = await navigator.mediaDevices
    .getUserMedia({ video: { facingMode: "user", height: { ideal: HEIGHT_PX } }, audio: { channelCount: 1 } })
    .catch((e) => {
      /** @type {Record<string, CameraError["reason"]>} */
      const reasons = { NotAllowedError: "denied", NotFoundError: "missing", OverconstrainedError: "missing" };
      throw new CameraError(reasons[e.name] ?? "busy");
    });
  const recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: BITS_PER_S });
  /** @type {Blob[]} */
  const pieces = [];
  recorder.ondataavailable = ({ data }) => pieces.push(data);
  const close = () => stream.getTracks().forEach((track) => track.stop());
  return {
    stream,
    cancel: close,
    begin: () => recorder.start(),
    end: async () => {
      await new Promise((resolve) => {
        recorder.onstop = resolve;
        if (recorder.state === "inactive")
          resolve(null); // the camera was unplugged
        else recorder.stop();
      });
      close();
      const kind = type.split(";")[0];
      return new File(pieces, `consent.${kind.split("/")[1]}`, { type: kind });
    },
  };
}
