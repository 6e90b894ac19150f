import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";

/** What a bundler leaves of the SDK, without socket.io-client, for an app that uses these names only. */
async function bundle(names: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: `export { ${names} } from "./src/index";`, resolveDir: `${import.meta.dirname}/..` },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    external: ["socket.io-client"],
    write: false,
  });
  return outputFiles[0]!.text;
}

test("an app carries the modules that it uses, and no others", async () => {
  const client = await bundle("Client");
  for (const [name, mark] of [
    ["Teams", '"create_team"'],
    ["Relations", '"add_friend"'],
    ["Files", "Tus-Resumable"],
    ["Presence", '"online_status"'],
    ["Notices", '"broadcasts"'],
    ["searchMessages", '"search"'],
  ] as const) {
    expect(client.includes(mark), `Client without ${name}`).toBe(false);
    expect((await bundle(`Client, ${name}`)).includes(mark), name).toBe(true);
  }
  // What README.md promises, with some air.
  expect(gzipSync(client, { level: 9 }).length).toBeLessThan(27_000);
}, 60_000);
