// Builds dist/, which is checked in and embedded by ../../../../caddymodules:
// `make run` needs only Go. The same sources give the same bytes.
//
//	node build.mjs           (after npm ci in the folder above)
//	node build.mjs <folder>  into another folder
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "src");
const target = process.argv[2] ?? join(here, "dist");

const { outputFiles, metafile } = await build({
  entryPoints: [join(source, "main.ts"), join(source, "chat.css")],
  absWorkingDir: here,
  bundle: true,
  minify: true,
  format: "esm",
  platform: "browser",
  // light-dark() of chat.css needs browsers of 2024 anyway.
  target: ["chrome123", "firefox120", "safari17.5"],
  supported: { nesting: true },
  charset: "utf8",
  legalComments: "none",
  outdir: target,
  write: false,
  metafile: true,
  logLevel: "warning",
});

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });

// A name holds its content's hash, so that browsers may keep the file for ever.
function emit(name, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 12);
  const named = name.replace(".", `-${hash}.`);
  writeFileSync(join(target, named), content);
  return named;
}

const output = (extension) => outputFiles.find((file) => file.path.endsWith(extension)).contents;
let page = readFileSync(join(source, "index.html"), "utf8");
for (const [name, content] of [
  ["chat.js", output(".js")],
  ["chat.css", output(".css")],
  ["icon.svg", readFileSync(join(source, "icon.svg"))],
]) {
  page = page.replace(`"${name}"`, `"${emit(name, content)}"`);
}
// The licenses of the packages that are in chat.js ask to go with it.
const packages = new Set();
for (const input of Object.keys(metafile.inputs)) {
  const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input) ?? [];
  if (name) packages.add(name);
}
const licenses = [...packages].sort().map((name) => {
  const folder = join(here, "..", "node_modules", name);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  return `${name}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
});
writeFileSync(join(target, "licenses.txt"), licenses.join(`\n${"-".repeat(72)}\n\n`));

writeFileSync(join(target, "index.html"), page.replace(/\n\s+/g, "\n"));
