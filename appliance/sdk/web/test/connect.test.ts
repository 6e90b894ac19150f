// Against the fake site of site.ts: LBS, logins and the ends of connections.

import { createServer } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import pkg from "../package.json" with { type: "json" };
import { Client } from "../src/client";
import { ClosedError, KickedError, ServerError, UsageError } from "../src/errors";
import { MemoryStore } from "../src/memory";
import type { Kicked, StateChange } from "../src/types";
import { version } from "../src/version";
import { Fleet, until } from "./helpers";
import { Site } from "./site";

let site: Site;
let fleet: Fleet;

beforeEach(async () => {
  site = await Site.start();
  fleet = new Fleet({ lbs: `${site.origin}/lbs`, insecure: true });
});

afterEach(async () => {
  await fleet.close();
  await site.close();
});

test("the login says who we are", async () => {
  const { client, seen } = await fleet.connect("Alice", { token: () => "alice", deviceId: "d1", customTag: "blue" });
  expect(site.auth[0]).toEqual({
    appKey: "demo",
    account: "alice",
    token: "alice",
    deviceId: "d1",
    platform: "PLATFORM_WEB",
    sdkVersion: version,
    customTag: "blue",
  });
  expect(version).toBe(`web-${pkg.version}`);
  expect(client.account).toBe("alice");
  expect(client.login?.others).toEqual([]);
  expect(seen.states).toEqual(["connecting", "syncing", "connected"]);
});

test("options are checked, all at once", () => {
  expect(() => new Client({ appKey: "", account: "", token: "", lbs: "nonsense", deviceId: "x".repeat(65) })).toThrow(
    /appKey is missing; account is missing; token is missing; lbs and endpoint must be URLs.*deviceId is longer/,
  );
  expect(() => new Client({ appKey: "a", account: "b", token: "c" })).toThrow(UsageError);
  expect(() => new Client({ appKey: "a", account: "b", token: "c", lbs: "http://h/l", endpoint: "http://h" })).toThrow(
    "either lbs or endpoint",
  );
});

test("the next access point is tried when one fails", async () => {
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(0, "127.0.0.1", resolve));
  const { port } = dead.address() as { port: number };
  await new Promise((resolve) => dead.close(resolve));
  site.lbs = () => ({
    status: 200,
    body: {
      code: 200,
      ttl: 300,
      access_points: [
        { transport: "link", address: "127.0.0.1:1" },
        { transport: "weblink", address: `127.0.0.1:${port}` },
        { transport: "weblink", address: site.address },
      ],
    },
  });
  const { seen } = await fleet.connect("alice");
  expect(seen.states).toEqual(["connecting", "syncing", "connected"]);
});

test("LBS's last answer serves on when LBS fails", async () => {
  const { client } = await fleet.connect("alice");
  site.lbs = () => ({ status: 503, body: { code: 503 } });
  site.cut("alice");
  await until("connected again", () => site.logins === 2 && client.state === "connected");
  expect(site.lbsAsked).toBe(1); // not expired
});

test("LBS that is busy is asked again when it says", async () => {
  let asked = 0;
  site.lbs = () =>
    ++asked === 1
      ? { status: 503, headers: { "Retry-After": "1" }, body: { code: 503, desc: "no leader" } }
      : { status: 200, body: { code: 200, access_points: [{ transport: "weblink", address: site.address }] } };
  const { client } = fleet.make("alice", { maxBackoffMs: 5_000 });
  const waits: StateChange[] = [];
  client.on("state", (change) => change.state === "waiting" && waits.push(change));
  await client.connect();
  expect(waits.length).toBe(1);
  expect(waits[0]!.retryInMs).toBeGreaterThanOrEqual(1000);
  expect(waits[0]!.error?.message).toContain("no leader");
});

test("an appkey that LBS does not know ends the client", async () => {
  site.lbs = () => ({ status: 404, body: { code: 404, desc: "unknown appkey" } });
  const { client } = fleet.make("alice");
  await expect(client.connect()).rejects.toMatchObject({ code: 404 });
  expect(client.state).toBe("refused");
});

test("a wrong token ends the client", async () => {
  const { client, seen } = fleet.make("alice", { token: "wrong" });
  await expect(client.connect()).rejects.toMatchObject({ code: 302, note: "wrong token" });
  expect(client.state).toBe("refused");
  expect(seen.states).toEqual(["connecting", "refused"]);
  await expect(client.profiles(["bob"])).rejects.toBeInstanceOf(ServerError);
  expect(site.logins).toBe(0);
});

test("a busy site is tried again after the pause that it names", async () => {
  site.refused = { message: "busy", data: { code: 503, note: "no leader", retryAfterMs: 150 } };
  const { client } = fleet.make("alice");
  const waits: StateChange[] = [];
  client.on("state", (change) => {
    if (change.state === "waiting") {
      waits.push(change);
      site.refused = undefined;
    }
  });
  await client.connect();
  expect(waits[0]!.retryInMs).toBeGreaterThanOrEqual(150);
});

test("kicked is final and says by whom", async () => {
  const { client, seen } = await fleet.connect("alice");
  const kicks: Kicked[] = [];
  client.on("kicked", (k) => kicks.push(k));
  site.kick("alice", { reason: "KICK_REASON_REPLACED", byPlatform: "PLATFORM_WEB", byDevice: "x", note: "n" });
  await until("kicked", () => client.state === "kicked");
  expect(kicks).toEqual([{ reason: "replaced", byPlatform: "web", byDevice: "x", bySameBrowser: false, note: "n" }]);
  await expect(client.profiles(["bob"])).rejects.toBeInstanceOf(KickedError);
  await expect(client.connect()).resolves.toBeUndefined(); // it was connected once
  expect(seen.states.filter((s) => s === "connecting").length).toBe(1);
});

test("a second tab replaces the first where one device is allowed", async () => {
  site.single = true;
  const first = await fleet.connect("alice", { deviceId: "one" });
  const second = await fleet.connect("alice", { deviceId: "two" });
  await until("kicked", () => first.client.state === "kicked");
  expect(second.client.state).toBe("connected");
});

test("a device ends another one", async () => {
  const first = await fleet.connect("alice", { deviceId: "one" });
  const second = await fleet.connect("alice", { deviceId: "two" });
  await second.client.kick(second.client.login!.others.map((o) => o.sessionId));
  await until("kicked", () => first.client.state === "kicked");
});

test("go_away: the connection serves until its turn, then LBS is asked again", async () => {
  const { client, seen } = await fleet.connect("alice");
  site.push("alice", "go_away", { delayMs: 300 });
  await client.profiles(["bob"]); // after the push
  expect(client.state).toBe("connected");
  await until("moved", () => site.logins === 2 && client.state === "connected");
  expect(site.lbsAsked).toBe(2);
  expect(seen.states.slice(3)).toEqual(["waiting", "connecting", "syncing", "connected"]);
});

test("go_away, then cut off: the client still waits for its turn", async () => {
  const { client } = await fleet.connect("alice");
  const waits: StateChange[] = [];
  client.on("state", (change) => change.state === "waiting" && waits.push(change));
  site.push("alice", "go_away", { delayMs: 700 });
  await client.profiles(["bob"]);
  site.cut("alice");
  await until("back", () => site.logins === 2);
  expect(waits[0]!.retryInMs).toBeGreaterThan(300);
});

test("close tells why, and the client comes back", async () => {
  const { client } = await fleet.connect("alice");
  const waits: StateChange[] = [];
  client.on("state", (change) => change.state === "waiting" && waits.push(change));
  site.push("alice", "close", { code: 997, note: "reads too slowly" });
  await until("back", () => site.logins === 2);
  expect(waits[0]!.error?.message).toContain("997 reads too slowly");
});

test("close is final, rejects what waits, and can come before the connection", async () => {
  const store = new MemoryStore();
  const letGo = vi.spyOn(store, "close");
  const { client } = fleet.make("alice", { store });
  const connecting = client.connect();
  await Promise.all([client.close(), expect(connecting).rejects.toBeInstanceOf(ClosedError)]);
  expect(letGo).toHaveBeenCalledOnce();
  expect(client.state).toBe("closed");
  await expect(client.open("bob").recall(1)).rejects.toBeInstanceOf(ClosedError);
  expect(site.sessions.size).toBe(0);
});

test("logout ends the session and forgets", async () => {
  const store = new MemoryStore();
  const { client } = await fleet.connect("alice", { store });
  client.open("bob").send("hello");
  await until("sent", () => client.conversations().length === 1);
  await client.logout();
  expect(site.requests.at(-1)!.command).toBe("logout");
  expect(client.state).toBe("closed");
  expect(await store.load()).toEqual({ version: undefined, conversations: [], outbox: [] });
});

test("long polling works where WebSockets are blocked", async () => {
  const { client } = await fleet.connect("alice", { transports: ["polling"] });
  client.open("bob").send("hello");
  await until("sent", () => client.conversations().length === 1);
});

test("where WebSockets hang without an error, the next attempt begins with polling", async () => {
  site.swallowUpgrades = true;
  const { client, seen } = await fleet.connect("alice", { connectTimeoutMs: 100 });
  expect(seen.states).toEqual(["connecting", "waiting", "connecting", "syncing", "connected"]);
  await client.updateProfile({ name: "Alice" });
});

test("calls wait for the connection and are made again on the next", async () => {
  const { client } = await fleet.connect("alice");
  let cuts = 0;
  site.intercept = (_a, command) => (command === "update_profile" && cuts++ < 2 ? "cut" : undefined);
  await client.updateProfile({ name: "Alice" });
  expect(cuts).toBe(3);
  expect((await client.profiles(["alice", "nobody"])).map((p) => [p.account, p.name, p.gender])).toEqual([
    ["alice", "Alice", 0],
  ]);
});

test("too fast and busy are waited for, other refusals are errors", async () => {
  const { client } = await fleet.connect("alice");
  const answers = [
    { code: 416, body: { retryAfterMs: 30 } },
    { code: 503, body: {} },
    { code: 414, body: { note: "bad" } },
  ];
  site.intercept = (_a, command) => (command === "profiles" ? answers.shift() : undefined);
  await expect(client.profiles(["bob"])).rejects.toMatchObject({ code: 414, note: "bad" });
  expect(answers).toEqual([]);
});
