// @ts-check
import common from "./common.js";
import chat from "./chat.js";
import video from "./video.js";
import management from "./management.js";
import training from "./training.js";
import voices from "./voices.js";
import avatarReport from "./avatar_report.js";
import fallbacks from "./fallbacks.js";
import speech from "./speech.js";
import studio from "./studio.js";
import live from "./live.js";
import accounts from "./accounts.js";
import admin from "./admin.js";
import sharing from "./sharing.js";
import consentClip from "./consent_clip.js";
import verify from "./verify.js";
import gallery from "./gallery.js";
import batch from "./batch.js";
import dubbing from "./dubbing.js";

export const zh = {
  ...common,
  ...chat,
  ...video,
  ...management,
  ...training,
  ...voices,
  ...avatarReport,
  ...fallbacks,
  ...speech,
  ...studio,
  ...live,
  ...accounts,
  ...admin,
  ...sharing,
  ...consentClip,
  ...verify,
  ...gallery,
  ...batch,
  ...dubbing,
};
