// Builds dist/: index.js leaves socket.io-client to the app's bundler,
// yizhan.bundle.js holds everything, for a page without one.
import { copyFileSync, rmSync } from "node:fs";
import { build } from "esbuild";

rmSync("dist", { recursive: true, force: true });

const common = {
  entryPoints: ["src/index.ts"],
  bundle: true,
  format: "esm",
  target: "es2022",
  sourcemap: true,
  logLevel: "warning",
};
await build({ ...common, outfile: "dist/index.js", packages: "external" });
await build({ ...common, outfile: "dist/yizhan.bundle.js", platform: "browser", minify: true });
// The scenarios that a test drives in a real browser, see test/browser.ts.
await build({
  ...common,
  entryPoints: ["test/browser.ts"],
  outfile: "dist/browser-test.js",
  platform: "browser",
});
copyFileSync("test/browser.html", "dist/browser-test.html");
