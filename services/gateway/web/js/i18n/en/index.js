// @ts-check
import common from "./common.js";
import talk from "./talk.js";
import make from "./make.js";
import manage from "./manage.js";
import train from "./train.js";
import voice from "./voice.js";
import report from "./report.js";
import fallback from "./fallback.js";

export const en = { ...common, ...talk, ...make, ...manage, ...train, ...voice, ...report, ...fallback };
