// What must hold on any site, the fake one or a real node, in Node or in a
// browser. Accounts may have a past: scenarios look only at what they made.

import { newId } from "../src/async";
import type { Client } from "../src/client";
import { KickedError, ServerError } from "../src/errors";
import { MemoryStore } from "../src/memory";
import type { ClientOptions, RoomMessage } from "../src/types";
import { cutAll, manglePushes } from "./faults";
import { Fleet, type Recorder, until } from "./helpers";

/** A site and two of its accounts that nobody else uses. */
export interface Place {
  /** Options that lead to the site. */
  site: Pick<ClientOptions, "appKey" | "lbs" | "endpoint" | "insecure" | "path" | "transports">;
  alice: { account: string; token: string };
  bob: { account: string; token: string };
  /** Where a test does what the tenant's backend would do: see web_test.go. */
  backend?: string;
}

export interface Scenario {
  name: string;
  /** It needs a place with a backend. */
  backend?: boolean;
  run(stage: Stage): Promise<void>;
}

type Side = "alice" | "bob";
export interface Actor {
  client: Client;
  seen: Recorder;
}

/** Clients for one scenario. */
export class Stage {
  readonly tag = newId().slice(0, 8);
  readonly #fleet: Fleet;

  constructor(readonly place: Place) {
    this.#fleet = new Fleet(place.site);
  }

  make(side: Side, options: Partial<ClientOptions> = {}): Actor {
    const { account, token } = this.place[side];
    return this.#fleet.make(account, { token, appKey: this.place.site.appKey, ...options });
  }

  async connect(side: Side, options: Partial<ClientOptions> = {}): Promise<Actor> {
    const actor = this.make(side, options);
    await actor.client.connect();
    return actor;
  }

  texts(n: number, what = ""): string[] {
    return Array.from({ length: n }, (_, i) => `${this.tag}${what} ${i + 1}`);
  }

  /** The texts of this scenario that actor has been told of, in that order. */
  heard(actor: Actor, what = ""): string[] {
    return actor.seen.messages.map((m) => m.body).filter((body) => body.startsWith(`${this.tag}${what} `));
  }

  async hears(actor: Actor, texts: string[], what = ""): Promise<void> {
    await until(`${texts.length} messages`, () => this.heard(actor, what).length >= texts.length, 60_000);
    same(this.heard(actor, what), texts);
    same(actor.seen.mistakes, []);
    same(actor.seen.errors.map(String), []);
  }

  close(): Promise<void> {
    return this.#fleet.close();
  }
}

/** Throws unless both have the same JSON. */
export function same(got: unknown, want: unknown): void {
  const [g, w] = [JSON.stringify(got), JSON.stringify(want)];
  if (g !== w) {
    throw new Error(`got ${g.slice(0, 1000)}, want ${w.slice(0, 1000)}`);
  }
}

export async function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "no refusal",
    (err) => err,
  );
}

export const scenarios: Scenario[] = [
  {
    name: "messages go both ways, in order, to the sender too",
    async run(stage) {
      const alice = await stage.connect("alice");
      const bob = await stage.connect("bob");
      const [there, back] = [stage.texts(20, "A"), stage.texts(20, "B")];
      for (let i = 0; i < 20; i++) {
        alice.client.open(stage.place.bob.account).send(there[i]!);
        bob.client.open(stage.place.alice.account).send({ body: back[i]!, ext: "ext" });
      }
      for (const actor of [alice, bob]) {
        await stage.hears(actor, there, "A");
        await stage.hears(actor, back, "B");
      }
      const last = alice.seen.messages.find((m) => m.body === back[19])!;
      same([last.own, last.ext, last.fromPlatform, last.peer], [false, "ext", "web", stage.place.bob.account]);
      same(alice.client.open(stage.place.bob.account).pending(), []);
    },
  },
  {
    name: "lost, doubled and reordered pushes leave no trace",
    async run(stage) {
      const alice = await stage.connect("alice");
      const bob = await stage.connect("bob");
      const restore = manglePushes(7);
      try {
        const texts = stage.texts(150);
        for (const text of texts) {
          alice.client.open(stage.place.bob.account).send(text);
        }
        // The very last push may be lost: then only the next one tells of it.
        await until(
          "all accepted",
          () =>
            alice.client
              .open(stage.place.bob.account)
              .pending()
              .every((o) => o.state === "sent"),
          60_000,
        );
        restore();
        alice.client.open(stage.place.bob.account).send(`${stage.tag} last`);
        await stage.hears(bob, [...texts, `${stage.tag} last`]);
        await stage.hears(alice, [...texts, `${stage.tag} last`]);
      } finally {
        restore();
      }
    },
  },
  {
    name: "connections that break while sending lose and double nothing",
    async run(stage) {
      const alice = await stage.connect("alice");
      const bob = await stage.connect("bob");
      const texts = stage.texts(60);
      let cuts = 0;
      for (const [i, text] of texts.entries()) {
        alice.client.open(stage.place.bob.account).send(text);
        if (i % 10 === 9) {
          await until("some are heard", () => stage.heard(bob).length >= i - 5, 60_000);
          cuts += cutAll();
        }
      }
      await stage.hears(bob, texts);
      await stage.hears(alice, texts);
      same(cuts >= 6, true);
    },
  },
  {
    name: "what was missed comes once, after a reload too",
    async run(stage) {
      const inNode = typeof indexedDB === "undefined" ? { store: new MemoryStore() } : {};
      const alice = await stage.connect("alice");
      const before = await stage.connect("bob", inNode);
      alice.client.open(stage.place.bob.account).send(`${stage.tag}X 1`);
      await stage.hears(before, [`${stage.tag}X 1`], "X");
      await before.client.close();
      const texts = stage.texts(130);
      for (const text of texts) {
        alice.client.open(stage.place.bob.account).send(text);
      }
      await until("accepted", () => alice.client.open(stage.place.bob.account).pending().length === 0, 60_000);
      const after = stage.make("bob", inNode);
      await after.client.load();
      const kept = await after.client.open(stage.place.alice.account).history(undefined, 1);
      same(
        kept.messages.map((m) => m.body),
        [`${stage.tag}X 1`],
      );
      await after.client.connect();
      await stage.hears(after, texts);
      same(stage.heard(after, "X"), []);
    },
  },
  {
    name: "what was written offline is sent by the next page",
    async run(stage) {
      const inNode = typeof indexedDB === "undefined" ? { store: new MemoryStore() } : {};
      const page = stage.make("alice", inNode);
      await page.client.load();
      page.client.open(stage.place.bob.account).send(`${stage.tag} 1`);
      await page.client.close();
      const next = await stage.connect("alice", inNode);
      const bob = await stage.connect("bob");
      await stage.hears(next, [`${stage.tag} 1`]);
      const { messages } = await bob.client.open(stage.place.alice.account).history(undefined, 1);
      same(
        messages.map((m) => m.body),
        [`${stage.tag} 1`],
      );
    },
  },
  {
    name: "history is gapless from the newest to the first",
    async run(stage) {
      const alice = await stage.connect("alice");
      const chat = alice.client.open(stage.place.bob.account);
      const texts = stage.texts(30);
      for (const text of texts) {
        chat.send(text);
      }
      await stage.hears(alice, texts);
      const other = await stage.connect("alice", { store: new MemoryStore(), platform: "pc", backlog: 3 });
      const view = other.client.open(stage.place.bob.account);
      let page = await view.history(undefined, 40);
      same(
        page.messages.slice(-30).map((m) => m.body),
        texts,
      );
      let next = page.messages[0]!.seq;
      while (page.more) {
        page = await view.history(next, 100);
        for (const m of [...page.messages].reverse()) {
          same(m.seq, --next);
        }
      }
      same(next, 1);
    },
  },
  {
    name: "recalls and read cursors reach the other side and the other device",
    async run(stage) {
      const { alice: a, bob: b } = stage.place;
      const alice = await stage.connect("alice");
      const bob = await stage.connect("bob");
      const desk = await stage.connect("bob", { store: new MemoryStore(), platform: "pc" });
      alice.client.open(b.account).send(`${stage.tag} 1`);
      await stage.hears(bob, [`${stage.tag} 1`]);
      await stage.hears(desk, [`${stage.tag} 1`]);
      const { seq } = bob.seen.messages.find((m) => m.body === `${stage.tag} 1`)!;
      await bob.client.open(a.account).markRead();
      await until("the receipt", () => alice.client.open(b.account).info.peerReadSeq >= seq);
      await until("the cursor", () => desk.client.open(a.account).info.unread === 0);
      same(bob.client.open(a.account).info.unread, 0);
      await alice.client.open(b.account).recall(seq, "typo");
      for (const actor of [alice, bob, desk]) {
        await until("the recall", () => actor.seen.recalls.some((r) => r.seq === seq && r.entry.body === "typo"));
        same(actor.seen.mistakes, []);
      }
      const { messages } = await bob.client.open(a.account).history(seq + 1, 1);
      same(
        messages.map((m) => [m.seq, m.recalled, m.body]),
        [[seq, true, ""]],
      );
      const err = await refusal(bob.client.open(a.account).recall(seq));
      same(err instanceof ServerError && err.code, 403);
    },
  },
  {
    name: "rooms, again after a reconnection",
    async run(stage) {
      const name = `room-${stage.tag}`;
      const alice = await stage.connect("alice");
      const bob = await stage.connect("bob");
      const heard: RoomMessage[] = [];
      const [mine, his] = [await alice.client.rooms.enter(name), await bob.client.rooms.enter(name)];
      his.on("message", (m) => heard.push(m));
      same(his.members, 2);
      const { id } = await mine.send("one");
      await until("one", () => heard.length === 1);
      same(
        [heard[0]!.body, heard[0]!.id, heard[0]!.from, heard[0]!.own],
        ["one", id, stage.place.alice.account, false],
      );
      cutAll();
      await until("away", () => mine.state === "away" && his.state === "away");
      await until("entered again", () => mine.state === "entered" && his.state === "entered");
      await mine.send("two");
      await until("two", () => heard.length === 2);
      await his.exit();
      await mine.send("three");
      await his.send("four").catch(() => {}); // not a member any more
      same(heard.length, 2);
    },
  },
  {
    name: "profiles",
    async run(stage) {
      const alice = await stage.connect("alice");
      await alice.client.updateProfile({ name: stage.tag, sign: "" });
      const found = await alice.client.profiles([stage.place.alice.account, "nobody-at-all"]);
      same(
        found.map((p) => [p.account, p.name, p.sign]),
        [[stage.place.alice.account, stage.tag, ""]],
      );
    },
  },
  {
    name: "a second tab of the same platform replaces the first for good",
    async run(stage) {
      // In a browser each tab gets a name of its own by itself.
      const named = (id: string) => (typeof localStorage === "undefined" ? { deviceId: `${stage.tag}-${id}` } : {});
      const first = await stage.connect("alice", named("1"));
      const second = await stage.connect("alice", named("2"));
      await until("kicked", () => first.client.state === "kicked");
      const err = await refusal(first.client.profiles([stage.place.bob.account]));
      same(err instanceof KickedError && err.kicked.reason, "replaced");
      same(err instanceof KickedError && err.kicked.bySameBrowser, typeof localStorage !== "undefined");
      same(second.client.state, "connected");
    },
  },
  {
    name: "a wrong token is refused for good",
    async run(stage) {
      const { client } = stage.make("alice", { token: "wrong" });
      const err = await refusal(client.connect());
      same([err instanceof ServerError && err.code, client.state], [302, "refused"]);
    },
  },
  {
    name: "long polling alone is enough",
    async run(stage) {
      const alice = await stage.connect("alice", { transports: ["polling"] });
      const bob = await stage.connect("bob", { transports: ["polling"] });
      const texts = stage.texts(10);
      for (const text of texts) {
        alice.client.open(stage.place.bob.account).send(text);
      }
      await stage.hears(bob, texts);
    },
  },
];
