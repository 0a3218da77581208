// @ts-check
import common from "./common.js";
import talk from "./talk.js";
import make from "./make.js";
import manage from "./manage.js";

export const en = { ...common, ...talk, ...make, ...manage };
