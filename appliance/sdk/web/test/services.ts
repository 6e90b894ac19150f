// Files, registered rooms, presence, search and notifications, as scenarios for a
// real node.

import { newId } from "../src/async";
import { Files } from "../src/files";
import { FileError } from "../src/fileservice";
import { MemoryStore } from "../src/memory";
import { Notices } from "../src/notices";
import { Presence } from "../src/presence";
import { searchMessages, searchUsers } from "../src/search";
import { MessageType } from "../src/types";
import { until } from "./helpers";
import { refusal, type Scenario, type Stage, same } from "./scenarios";

/** Does what the tenant's backend would do. */
async function backend(stage: Stage, what: string, form: Record<string, string>): Promise<string> {
  const answer = await fetch(`${stage.place.backend}/${what}`, { method: "POST", body: new URLSearchParams(form) });
  if (!answer.ok) {
    throw new Error(`${what}: ${answer.status} ${await answer.text()}`);
  }
  return answer.text();
}

/** A picture of 2×1 pixels. */
const png = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAAD0lEQVR42mP4z8DA8J8BAAf/Af+4BDXgAAAAAElFTkSuQmCC";

function picture(): Blob {
  const bytes = Uint8Array.from(atob(png), (c) => c.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}

/** Whatever a fetch of a link gives. */
async function bytesOf(url: string): Promise<Uint8Array> {
  const answer = await fetch(url);
  if (!answer.ok) {
    throw new Error(`${url}: ${answer.status}`);
  }
  return new Uint8Array(await answer.arrayBuffer());
}

export const services: Scenario[] = [
  {
    name: "an image: uploaded, sent, shown by a link, deleted",
    async run(stage) {
      const alice = await stage.connect("alice");
      const bob = await stage.connect("bob");
      const file = await new Files(alice.client).upload(picture(), { name: "dot.png" });
      same(
        [file.name, file.ext, file.width, file.height, file.type, file.size],
        ["dot.png", "png", 2, 1, "image/png", picture().size],
      );
      same(file.content.type, MessageType.Image);
      alice.client.open(stage.place.bob.account).send(file.content);
      await until("the image", () =>
        bob.seen.messages.some((m) => m.type === MessageType.Image && m.body.includes(file.url)),
      );
      const files = new Files(bob.client);
      const [link, thumb] = await Promise.all([files.link(file.url), files.link(file.url, { thumb: 128 })]);
      same((await bytesOf(link.url)).length, picture().size);
      same((await bytesOf(thumb.url)).length > 0, true);
      same(await files.link(file.url), link); // remembered
      same((await refusal(files.link("https://elsewhere.example.com/files/o/x"))) instanceof Error, true);
      same((await refusal(files.delete(file.url))) instanceof FileError, true); // not his
      await new Files(alice.client).delete(file.url);
      same((await fetch(link.url, { cache: "no-store" })).status, 404);
    },
  },
  {
    name: "an upload that is cut goes on where it was; one that is aborted ends",
    async run(stage) {
      const alice = await stage.connect("alice");
      let cuts = 0;
      const offsets: number[] = [];
      const flaky: typeof fetch = async (input, init) => {
        if (init?.method === "PATCH") {
          offsets.push(Number(new Headers(init.headers).get("Upload-Offset")));
          if (offsets.length % 3 === 2 && cuts++ < 4) {
            throw new TypeError("the connection is cut");
          }
        }
        return fetch(input, init);
      };
      const content = new Uint8Array(3 << 20).map((_, i) => (i * 31 + (i >> 8)) % 251);
      const files = new Files(alice.client, { fetch: flaky });
      const progress: number[] = [];
      const options = { name: "data.bin", onProgress: (sent: number) => progress.push(sent) };
      const file = await files.upload(new Blob([content]), options);
      same([file.size, file.content.type, progress.at(-1)], [content.length, MessageType.File, content.length]);
      same(
        progress.every((sent, i) => sent >= (progress[i - 1] ?? 0)),
        true,
      );
      same(offsets.length > new Set(offsets).size, true); // what was cut was sent again
      const back = await bytesOf((await files.link(file.url)).url);
      same(back.length === content.length && back.every((b, i) => b === content[i]), true);

      const abort = new AbortController();
      let resume = "";
      const ended = await refusal(
        files.upload(new Blob([content]), {
          keep: true,
          signal: abort.signal,
          onStart: (address) => {
            resume = address;
          },
          onProgress: (sent) => sent > 0 && abort.abort(new Error("enough")),
        }),
      );
      same(String(ended), "Error: enough");
      const again = await new Files(alice.client).upload(new Blob([content]), { resume });
      same(again.size, content.length);
      same((await new Files(alice.client).upload(new Blob([]))).size, 0);
    },
  },
  {
    name: "presence: who follows is told, also after a reconnection",
    async run(stage) {
      const alice = stage.make("alice");
      const presence = new Presence(alice.client);
      await alice.client.connect();
      const bobs = stage.place.bob.account;
      const { failed } = await presence.subscribe([bobs, "nobody.at.all"]);
      same(failed, ["nobody.at.all"]);
      const bob = stage.make("bob");
      const his = new Presence(bob.client);
      await bob.client.connect();
      await his.set(3, "busy");
      await until("busy", () => presence.known(bobs)?.devices.some((d) => d.text === "busy") === true);
      same((await presence.status([bobs, "nobody.at.all"])).unknown, ["nobody.at.all"]);
      await alice.client.close();

      const later = stage.make("alice");
      const again = new Presence(later.client);
      await later.client.connect();
      const busy = () => again.known(bobs)?.devices.some((d) => d.state === 3) === true;
      same(busy(), true);
      await bob.client.logout();
      await until("gone", () => !busy()); // devices of other tests may be on their way out
      same(
        (await again.subscriptions()).subscriptions.map((s) => s.account),
        [bobs],
      );
      same(await again.unsubscribe([bobs, "nobody.at.all"]), ["nobody.at.all"]);
      const { events, online } = await later.client.loginHistory();
      same([online.length >= 1, Array.isArray(events)], [true, true]);
    },
  },
  {
    name: "search finds messages and accounts",
    async run(stage) {
      const alice = await stage.connect("alice");
      const chat = alice.client.open(stage.place.bob.account);
      chat.send(`${stage.tag} strawberries 草莓蛋糕`);
      chat.send(`${stage.tag} nothing`);
      await until("sent", () => chat.pending().length === 0);
      const texts = async (text: string) => (await searchMessages(alice.client, { text })).messages.map((m) => m.body);
      await until("indexed", async () => (await texts(`${stage.tag} strawberries`)).length === 1);
      same(await texts(`${stage.tag} 蛋糕`), [`${stage.tag} strawberries 草莓蛋糕`]);
      const one = await searchMessages(alice.client, { text: stage.tag, peer: chat.peer, limit: 1 });
      same(
        one.messages.map((m) => [m.peer, m.own]),
        [[chat.peer, true]],
      );
      const { profiles } = await searchUsers(alice.client, stage.place.bob.account);
      same(
        profiles.map((p) => p.account),
        [stage.place.bob.account],
      );
    },
  },
  {
    name: "notifications: live, and once for who was away",
    async run(stage) {
      const store = new MemoryStore();
      const heard: string[] = [];
      const bob = async () => {
        const actor = stage.make("bob", { store });
        const notices = new Notices(actor.client);
        notices.on("notification", (n) => n.attach.startsWith(stage.tag) && heard.push(n.attach));
        notices.on("broadcast", (b) => b.body.startsWith(stage.tag) && heard.push(b.body));
        await actor.client.connect();
        return actor.client;
      };
      let his = await bob();
      const alice = stage.make("alice");
      const notices = new Notices(alice.client);
      await alice.client.connect();
      const to = stage.place.bob.account;
      const first = await notices.notify(to, `${stage.tag} 1`, { clientId: `${stage.tag}1` });
      same((await notices.notify(to, `${stage.tag} 1`, { clientId: `${stage.tag}1` })).id, first.id);
      await notices.notify(to, `${stage.tag} 2`, { onlineOnly: true });
      await until("two", () => heard.length === 2);
      await his.close();
      await notices.notify(to, `${stage.tag} lost`, { onlineOnly: true });
      await notices.notify(to, `${stage.tag} 3`);
      his = await bob();
      same(
        heard,
        [1, 2, 3].map((i) => `${stage.tag} ${i}`),
      );
    },
  },
  {
    name: "broadcasts of the backend: live, and once for who was away",
    backend: true,
    async run(stage) {
      const store = new MemoryStore();
      const heard: string[] = [];
      const make = async () => {
        const { client } = stage.make("bob", { store });
        new Notices(client).on("broadcast", (b) => b.body.startsWith(stage.tag) && heard.push(b.body));
        await client.connect();
        return client;
      };
      const client = await make();
      await backend(stage, "broadcast", { body: `${stage.tag} 1` });
      await until("one", () => heard.length === 1);
      await client.close();
      await backend(stage, "broadcast", { body: `${stage.tag} 2` });
      await make();
      same(heard, [`${stage.tag} 1`, `${stage.tag} 2`]);
    },
  },
  {
    name: "a registered room: entered, said in, its roles, queue, history and end",
    backend: true,
    async run(stage) {
      const [alices, bobs] = [stage.place.alice.account, stage.place.bob.account];
      const id = await backend(stage, "room", { by: alices, id: newId() });
      const alice = await stage.connect("alice");
      const bob = await stage.connect("bob");
      const hers = await alice.client.rooms.enter(id);
      same([hers.info?.name, hers.self?.role], ["studio", "creator"]);
      const kinds: string[] = [];
      hers.on("notice", (n) => kinds.push(`${n.kind} ${n.by}`));
      const his = await bob.client.rooms.enter(id, { nick: "Bobby" });
      same([his.self?.nick, his.self?.role, his.members], ["Bobby", "guest", 2]);
      await until("he came", () => kinds.includes(`entered ${bobs}`));
      same(hers.members, 2);
      const said: string[] = [];
      hers.on("message", (m) => said.push(`${m.fromNick}: ${m.body}`));
      const sent = await his.send(`${stage.tag} hello`);
      await until("heard", () => said.length === 1);
      same(said, [`Bobby: ${stage.tag} hello`]);

      await hers.muteMember(bobs, 60);
      same(String(await refusal(his.send("no"))).includes("13004"), true);
      await hers.muteMember(bobs, 0);
      await hers.setRole(bobs, "fixed");
      await until("fixed", () => his.self?.role === "fixed");
      same((await hers.listMembers({ kind: "fixed" })).members.map((m) => m.account).sort(), [alices, bobs].sort());
      await hers.offer([
        { key: "mic 1", value: "a" },
        { key: "mic 2", value: "b" },
      ]);
      same(
        (await his.queue()).map((e) => e.key),
        ["mic 1", "mic 2"],
      );
      same((await hers.poll())?.key, "mic 1");
      await hers.dropQueue();
      await hers.update({ announcement: "be kind" }, { notify: true });
      await until("announced", () => his.info?.announcement === "be kind");
      same((await his.refresh()).members, 2);
      await until("in the history", async () => (await his.history()).messages.length === 1);
      await his.recall(sent.id);
      await until("recalled", () => kinds.includes(`recalled ${bobs}`));
      same((await hers.history()).messages, []);

      await hers.kick(bobs, "bye");
      await until("out", () => his.state === "out");
      same(bob.client.rooms.get(id), undefined);
      await hers.close();
      await until("closed", () => hers.state === "out");
      same(String(await refusal(bob.client.rooms.enter(id))).includes("13002"), true);
    },
  },
];
