// Copies what the chat page serves into dist/ (or --out DIR): our page, and of Converse.js only the files it loads.
// Contract: see README.md, "Layout of dist".
import { cp, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const pkg = join(here, "node_modules", "converse.js");

// Left out on purpose: source maps, other languages, the OMEMO crypto (its plugin is switched off in chat.js), the website's own styles.
const CONVERSE_FILES = [
  "converse.min.js",
  "converse.min.css",
  "emoji.json",
  "images/favicon.ico",
  "images/logo/conversejs-filled.svg",
  "images/logo/conversejs-filled-192.png",
  "sounds/msg_received.mp3",
  "sounds/msg_received.ogg",
  "webfonts/baumans.ttf",
  "webfonts/muli.ttf",
  "chunkjs/locales/ja-LC_MESSAGES-converse-po.js",
  "chunkjs/locales/dayjs/en-js.js",
  "chunkjs/locales/dayjs/ja-js.js",
];

async function copy(from, to) {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to);
}

/// The text of a file without its pointer to a source map, which is not shipped.
async function copyWithoutMapPointer(from, to) {
  const text = await readFile(from, "utf8");
  await mkdir(dirname(to), { recursive: true });
  await writeFile(to, text.replace(/\n?(\/\/# sourceMappingURL=[^\n]*|\/\*# sourceMappingURL=[^*]*\*\/)\s*$/, "\n"));
}

async function build(out) {
  const dist = join(pkg, "dist");
  if (!existsSync(dist)) {
    throw new Error(`${dist} is missing: run "npm ci" in web/ first`);
  }
  const fresh = `${out}.new`;
  await rm(fresh, { recursive: true, force: true });
  for (const name of ["index.html", "chat.js", "chat.css"]) {
    await copy(join(here, "chat", name), join(fresh, "chat", name));
  }
  for (const name of CONVERSE_FILES) {
    const copier = /\.(js|css)$/.test(name) ? copyWithoutMapPointer : copy;
    await copier(join(dist, name), join(fresh, "chat", "converse", name));
  }
  await copy(join(pkg, "LICENSE"), join(fresh, "chat", "converse", "LICENSE.txt"));
  await copy(join(pkg, "COPYRIGHT"), join(fresh, "chat", "converse", "COPYRIGHT.txt"));
  await rm(out, { recursive: true, force: true });
  await rename(fresh, out);
}

const { values } = parseArgs({ options: { out: { type: "string", default: join(here, "dist") } } });
await build(resolve(values.out));
