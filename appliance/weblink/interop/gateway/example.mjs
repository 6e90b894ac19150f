// examples/chat.mjs, as a user runs it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { account, login, send } from "../lib/office.mjs";
import { transports } from "../lib/transports.mjs";

const script = fileURLToPath(new URL("../examples/chat.mjs", import.meta.url));

/** Runs the example for who; read gives its next line of output. */
function start(t, who, peer, token = who.token) {
  const child = spawn(process.execPath, [script, t.url, who.tenant.appKey, who.name, token, peer.name]);
  const queue = [];
  let wake = () => {};
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      queue.push(line);
      wake();
    });
  }
  const read = () =>
    t.within(
      (async () => {
        while (queue.length === 0) await new Promise((resolve) => (wake = resolve));
        return queue.shift();
      })(),
      "output of chat.mjs",
    );
  const exited = new Promise((resolve) => child.on("exit", resolve));
  return { child, read, write: (line) => child.stdin.write(line + "\n"), exited };
}

export function addExample(add) {
  add("example/two users chat", async (t) => {
    const [alice, bob] = await Promise.all([account(t), account(t)]);
    await send(t, await login(t, transports.websocket, bob, { auth: { deviceId: "phone", platform: "PLATFORM_IOS" } }), alice, "are you there?");
    const a = start(t, alice, bob);
    const b = start(t, bob, alice);
    try {
      assert.equal(await a.read(), `logged in as ${alice.name}`);
      assert.equal(await a.read(), `${bob.name}: are you there?`);
      assert.equal(await b.read(), `logged in as ${bob.name}`);
      assert.equal(await b.read(), `${bob.name}: are you there?`);
      a.write("你好 👋");
      assert.equal(await b.read(), `${alice.name}: 你好 👋`);
      b.write("hello");
      assert.equal(await a.read(), `${bob.name}: hello`);
      b.child.stdin.end("bye\n"); // is sent before it leaves
      assert.equal(await a.read(), `${bob.name}: bye`);
      a.child.stdin.end();
      assert.deepEqual(await t.within(Promise.all([a.exited, b.exited]), "exit"), [0, 0]);
    } finally {
      a.child.kill();
      b.child.kill();
    }
  });

  add("example/wrong token", async (t) => {
    const [alice, bob] = await Promise.all([account(t), account(t)]);
    const a = start(t, alice, bob, "guess");
    try {
      assert.match(await a.read(), /^refused: 302 /);
      a.child.stdin.end();
      assert.equal(await t.within(a.exited, "exit"), 0);
    } finally {
      a.child.kill();
    }
  });
}
