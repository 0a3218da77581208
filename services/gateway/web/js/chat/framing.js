// @ts-check
// Frames the avatar on the stage by its face: head and shoulders, neither hair nor chin cut, never larger than it is.

/** @typedef {{left: number, top: number, right: number, bottom: number}} Box in shares of the picture */
/** @typedef {{width: number, height: number}} Size in CSS pixels */

// "As large as it is" means one pixel of the avatar for one CSS pixel, on dense screens too: the face is as fine there
// as on others. With one for each of the screen's own pixels a face of 512 would have the size of a stamp on a phone.

/** Where a face usually is, for avatars whose face was not measured. @type {Box} */
const USUAL_FACE = { left: 0.32, top: 0.18, right: 0.68, bottom: 0.64 };
/** Room around the face, in shares of its height: hair above it, the throat below, ears and hair beside it. */
const ABOVE = 0.45;
const BELOW = 0.15;
const BESIDE = 0.3;
/** Who fills the screen with a face wants it large, even if it is a little soft. */
const MOST_IMMERSIVE = 1.6;
const FADE = "20%";
/** Share of the stage's height at which the middle of the face is, where the picture allows it. */
const FACE_AT = 0.4;

/**
 * Where the picture goes so that the head is seen whole above what covers the stage below.
 * @param {Size} stage @param {Size} picture its own pixels @param {Box} face
 * @param {number} below pixels at the bottom of the stage that captions and controls cover
 * @param {number} most largest scale
 * @returns {{left: number, top: number, width: number, height: number}} CSS pixels within the stage
 */
export function framed(stage, picture, face, below, most) {
  const tall = face.bottom - face.top;
  const wide = (BESIDE * tall * picture.height) / picture.width;
  const head = {
    left: Math.max(0, face.left - wide),
    right: Math.min(1, face.right + wide),
    top: Math.max(0, face.top - ABOVE * tall),
    bottom: Math.min(1, face.bottom + BELOW * tall),
  };
  const free = Math.max(stage.height * 0.5, stage.height - below);
  const covering = Math.max(stage.width / picture.width, stage.height / picture.height);
  const fitting = Math.min(
    stage.width / ((head.right - head.left) * picture.width),
    free / ((head.bottom - head.top) * picture.height),
  );
  const scale = Math.min(most, covering, fitting);
  const width = picture.width * scale;
  const height = picture.height * scale;
  const across = (stage.width - (head.left + head.right) * width) / 2;
  let top = FACE_AT * stage.height - ((face.top + face.bottom) / 2) * height;
  if (height >= stage.height) top = between(top, stage.height - height, 0);
  else top = between(top, 0, stage.height - height);
  top = Math.min(top, free - head.bottom * height); // the chin above the captions …
  top = Math.max(top, -head.top * height); // … but the hair within the stage
  return { left: width >= stage.width ? between(across, stage.width - width, 0) : across, top, width, height };
}

/** @param {number} value @param {number} low @param {number} high */
const between = (value, low, high) => Math.min(Math.max(value, low), high);

/**
 * Keeps the pictures of a stage framed while it changes its size.
 * @param {HTMLElement} stage its custom properties `--frame-…` get the place of the pictures
 * @param {() => number} below pixels at its bottom that something covers
 * @param {AbortSignal} signal
 */
export function framing(stage, below, signal) {
  /** @type {Size | null} */
  let picture = null;
  let face = USUAL_FACE;
  const draw = () => {
    const size = { width: stage.clientWidth, height: stage.clientHeight };
    if (!picture || !size.width || !size.height) return;
    const most = stage.classList.contains("immersive") ? MOST_IMMERSIVE : 1;
    const place = framed(size, picture, face, below(), most);
    for (const [name, pixels] of Object.entries(place)) stage.style.setProperty(`--frame-${name}`, `${pixels}px`);
    // where the picture ends within the stage it fades into the backdrop
    const ends = {
      top: place.top > 0,
      bottom: place.top + place.height < size.height - 1,
      sides: place.width < size.width - 1,
    };
    for (const [side, isSeen] of Object.entries(ends)) stage.style.setProperty(`--fade-${side}`, isSeen ? FADE : "0%");
  };
  const observer = new ResizeObserver(draw);
  observer.observe(stage);
  signal.addEventListener("abort", () => observer.disconnect());
  return {
    /** @param {import("../core/types.js").Avatar} avatar */
    show(avatar) {
      picture = { width: avatar.width, height: avatar.height };
      face = avatar.report.face_box ?? USUAL_FACE;
      const url = avatar.thumbnail_url?.replaceAll('"', "%22");
      stage.style.setProperty("--backdrop", url ? `url("${url}")` : "none");
      draw();
    },
  };
}
