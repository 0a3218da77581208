// Usage: node tools/web_limits.mjs TYPESCRIPT PATH...
// Holds the size limits of the page's files: TYPESCRIPT is the folder of that package, each PATH a file or a folder.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const FUNCTION_LINES = 60;
const LINE_CHARS = 120;
const FILE_LINES = 300;

const [, , typescript, ...paths] = process.argv;
const ts = createRequire(import.meta.url)(resolve(typescript));

/** @param {string} path @returns {string[]} scripts and style sheets at or below `path` */
function sources(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => sources(join(path, name)).filter((p) => /\.(js|mjs|css)$/.test(p)));
}

/** @param {string} path @param {string} text @returns {string[]} one message for each function that is too long */
function longFunctions(path, text) {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const lineAt = (position) => file.getLineAndCharacterOfPosition(position).line + 1;
  const found = [];
  const visit = (node) => {
    if (ts.isFunctionLike(node)) {
      const first = lineAt(node.getStart(file));
      const lines = lineAt(node.end) - first + 1;
      if (lines > FUNCTION_LINES) found.push(`${path}:${first}: a function of ${lines} lines (most ${FUNCTION_LINES})`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** @param {string} path @returns {string[]} one message for each limit that the file breaks */
function violations(path) {
  const text = readFileSync(path, "utf-8");
  const lines = text.trimEnd().split("\n");
  return [
    ...(lines.length > FILE_LINES ? [`${path}: ${lines.length} lines (most ${FILE_LINES})`] : []),
    ...lines.flatMap((line, i) =>
      [...line].length > LINE_CHARS
        ? [`${path}:${i + 1}: a line of ${[...line].length} characters (most ${LINE_CHARS})`]
        : [],
    ),
    ...(path.endsWith(".css") ? [] : longFunctions(path, text)),
  ];
}

const found = paths.flatMap(sources).flatMap(violations);
for (const message of found) console.error(message);
process.exit(found.length ? 1 : 0);
