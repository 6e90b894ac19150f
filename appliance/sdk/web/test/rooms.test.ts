// Against the fake site of site.ts: rooms.

import { afterEach, beforeEach, expect, test } from "vitest";
import type { RoomEvent, RoomMessage } from "../src/types";
import { Fleet, until } from "./helpers";
import { Site } from "./site";

let site: Site;
let fleet: Fleet;

beforeEach(async () => {
  site = await Site.start();
  fleet = new Fleet({ endpoint: site.origin });
});

afterEach(async () => {
  await fleet.close();
  await site.close();
});

test("members hear one another, the sender himself too", async () => {
  const alice = await fleet.connect("alice");
  const bob = await fleet.connect("bob");
  const lobbyA = await alice.client.rooms.enter("lobby");
  const lobbyB = await bob.client.rooms.enter("lobby");
  expect(lobbyB).toMatchObject({ name: "lobby", state: "entered", members: 2 });
  const heard: RoomMessage[] = [];
  lobbyA.on("message", (m) => heard.push(m));
  bob.client.on("room_message", (m) => heard.push(m));
  const sent = await lobbyB.send("hi");
  await until("both", () => heard.length === 2);
  heard.sort((x, y) => Number(x.own) - Number(y.own)); // two connections: either may come first
  expect(heard.map((m) => [m.room, m.from, m.body, m.own, m.id])).toEqual([
    ["lobby", "bob", "hi", false, sent.id],
    ["lobby", "bob", "hi", true, sent.id],
  ]);
  await lobbyA.exit();
  expect(lobbyA.state).toBe("exited");
  await lobbyB.send("anybody?");
  expect(heard.length).toBe(3);
});

test("a room is entered again after a reconnection", async () => {
  const { client } = await fleet.connect("alice");
  const events: RoomEvent[] = [];
  client.on("room", (e) => events.push(e));
  const room = await client.rooms.enter("lobby");
  site.cut("alice");
  await until("entered again", () => events.length === 3);
  expect(events.map((e) => e.state)).toEqual(["entered", "away", "entered"]);
  expect(client.rooms.get("lobby")).toBe(room);
});

test("a room that refuses us is lost", async () => {
  const { client } = await fleet.connect("alice");
  await client.rooms.enter("a");
  site.intercept = (_a, command) =>
    command === "enter_room" ? { code: 403, body: { note: "members only" } } : undefined;
  await expect(client.rooms.enter("b")).rejects.toMatchObject({ code: 403 });
  expect(client.rooms.get("b")).toBeUndefined();
  const events: RoomEvent[] = [];
  client.on("room", (e) => events.push(e));
  site.cut("alice");
  await until("lost", () => events.some((e) => e.state === "lost"));
  expect(events.at(-1)).toMatchObject({ room: "a", state: "lost", error: { code: 403 } });
  expect(client.rooms.get("a")).toBeUndefined();
});

test("a message to a room is not sent again", async () => {
  const { client } = await fleet.connect("alice");
  const room = await client.rooms.enter("lobby");
  site.intercept = (_a, command) => (command === "send_room" ? "cut" : undefined);
  await expect(room.send("hi")).rejects.toThrow("connection lost");
  expect(site.requests.filter((r) => r.command === "send_room").length).toBe(1);
});
