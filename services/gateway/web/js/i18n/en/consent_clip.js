// @ts-check
// The consent clip, in English.
export default {
  "clip.title": "Consent clip",
  "clip.lead": "The person in the file reads a sentence with a number before the camera. Number and face are checked.",
  "clip.start": "Get the number",
  "clip.read": "Face the camera and read slowly, digit by digit:",
  "clip.until": "The number is good until {time}, and once.",
  "clip.film": "Open the camera",
  "clip.file": "Choose a video file",
  "clip.camera": "Picture of the camera",
  "clip.begin": "Start recording",
  "clip.begun": "Recording",
  "clip.end": "End recording",
  "clip.limit": "At most {s} s",
  "clip.ready": "The clip is uploaded. It is checked when you submit, which takes some seconds.",
  "clip.again": "Record again",
  "clip.camera.denied":
    "Camera or microphone are not allowed. Allow them with the icon beside the address, or choose a video file.",
  "clip.camera.missing": "No camera or no microphone was found. Connect them and try again, or choose a video file.",
  "clip.camera.busy":
    "The camera does not open; is another program using it? Close that and try again, or choose a video file.",
  "clip.camera.insecure":
    "This page is not encrypted, so the browser gives no camera. Use an https address, or choose a video file.",
  "clip.camera.old": "This browser cannot record video. Update it, or choose a video file.",
  "clip.kept.hash": "Consent clip checked: number and face",
  "clip.kept.encrypted": "Consent clip checked: number and face; kept encrypted",
  "clip.download": "Download the consent clip",
};
