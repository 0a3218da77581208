// @ts-check
// Reports on an avatar's source, and warnings, in English.
export default {
  "report.face": "Frames with a face",
  "report.width": "Width of the face",
  "report.mouth": "Mouth shapes seen",
  "report.covered": "Frames with something before the mouth",
  "report.blurred": "Frames with a blurred mouth",
  "report.portrait": "A picture: all mouth shapes are made from it.",
  "report.covers": "Covers {part} of the mouth shapes of speech",
  "report.covers.but": "{covered}; missing: {missing}",
  "report.record":
    "To make it better, record yourself saying the following, facing the camera, and make an avatar of the new clip:",
  "list.and": ", ",
  "shape.open": "open vowels",
  "shape.open.say": "“Far from the harbour, Martha parked the large black car.”",
  "shape.open.how": "Let the jaw drop on every “ah”.",
  "shape.rounded": "rounded lips",
  "shape.rounded.say": "“Who chose to move those two blue shoes to the pool?”",
  "shape.rounded.how": "Push the lips forward on “oo” and “oh”.",
  "shape.spread": "spread lips",
  "shape.spread.say": "“We see three green trees by the deep sea.”",
  "shape.spread.how": "Draw the corners of the mouth apart on “ee”.",
  "shape.closed": "closed lips",
  "shape.closed.say": "“Peter bumped my paper map upon the baby's pram.”",
  "shape.closed.how": "Close the lips firmly on every b, p and m.",
  "warning.only-first-picture":
    "The picture is animated; its first picture is used. Upload it as mp4 to keep the movement.",
  "warning.only-first-part": "The video is long; only its first part is used.",
  "warning.scaled-down": "The picture is large and was scaled down.",
  "warning.face-missing-in-part": "The face is missing in some frames; those stay as they are.",
  "warning.mouth-covered-in-part": "Something is in front of the mouth in some frames; those stay as they are.",
  "warning.turned-upright": "The picture lay on its side or upside down; it was turned so that the face is upright.",
  "warning.still-film":
    "The video is one still picture; the avatar was made of it as of a photo. A video that moves looks livelier.",
  "warning.chin-cut":
    "The chin is outside the picture, so wide open mouths look flat. A little more room below the face helps.",
  "warning.other-person":
    "The video shows more than one person in turn; the avatar is the one who is seen longest without a break.",
  "warning.person-leaves":
    "The person is out of the picture at times; the avatar plays the longest part that shows the face.",
  "warning.out-of-sync":
    "The mouth of this clip does not seem to move with its sound. A clip whose sound is its own, in step with " +
    "the picture, teaches far more.",
  "warning.not-better": "Training did not help in videos and chat; there the avatar speaks as without it.",
  "warning.text-not-better": "What was learned did not help in live conversations; it is not used there.",
  "warning.live-not-better":
    "What was learned did not help in live conversations with a cloned voice; it is not used there.",
  "warning.checkpoint-lost":
    "A saved state of this training could not be read. It went on from an earlier one, or from the start.",
  "warning.sound-offset": "Sound and picture of this clip are clearly apart; that is corrected for.",
  "warning.short-clip": "The clip is short; 15 seconds and more teach better.",
  "warning.short-for-synctalk": "The clip is short for SyncTalk, which learns well from 4 to 5 minutes.",
  "warning.cut-to-head": "SyncTalk draws a square of 512 × 512 pixels: head and shoulders were cut out of the video.",
  "warning.not-compared": "Without a model this engine draws nobody, so there is nothing to compare it with.",
  "warning.loud-background": "There is music or noise behind the voice; a quiet room teaches better.",
};
