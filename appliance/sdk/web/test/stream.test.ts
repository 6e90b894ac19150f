import { expect, test } from "vitest";
import { MemoryStore } from "../src/memory";
import type { Connection } from "../src/part";
import { Stream } from "../src/stream";
import { Writer } from "../src/writer";
import { seeded } from "./random";

const silent = { info() {}, warn() {}, error() {} };

interface Item {
  version: number;
}

class Side {
  all: number[] = [];
  version = 0;
  fails = 0;

  add(): Item {
    this.version += 3; // with gaps
    this.all.push(this.version);
    return { version: this.version };
  }

  page(after: number) {
    if (this.fails > 0) {
      this.fails--;
      throw new Error("not now");
    }
    const found = this.all.filter((v) => v > after);
    const items = found.slice(0, 5).map((version) => ({ version }));
    const more = found.length > 5;
    return { items, version: more ? items.at(-1)!.version : this.version + 1, more };
  }
}

async function open(side: Side, store: MemoryStore, got: number[]) {
  const writer = new Writer(store, 100, { version: () => 0, rows: () => [], outbox: () => [] }, silent, () => {});
  const fresh: boolean[] = [];
  const spec = {
    name: "stream",
    read: async (_: Connection, version: number, first: boolean) => {
      fresh.push(first);
      return side.page(version);
    },
    deliver: (item: Item) => got.push(item.version),
  };
  const stream = new Stream<Item>(spec, writer, silent);
  await stream.load();
  const over = new AbortController();
  return { stream, writer, fresh, over, connection: { signal: over.signal } as Connection };
}

test("whatever is pushed, in whatever order, or lost: each once, over many pages' lives", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seeded(seed);
    const side = new Side();
    const store = new MemoryStore();
    const got: number[] = [];
    for (let life = 0; life < 5; life++) {
      const { stream, writer, connection } = await open(side, store, got);
      const early = random() < 0.5 ? [side.add()] : [];
      early.forEach((item) => {
        stream.pushed(item); // before the sync's answer
      });
      await stream.synced(side.all.at(-1) ?? 0, side.version, connection);
      const pushes: Item[] = [];
      for (let i = 0; i < random() * 100; i++) {
        const item = side.add();
        if (random() < 0.7) {
          pushes.splice(Math.floor(random() * 3), 0, item, ...(random() < 0.2 ? [item] : []));
        }
      }
      pushes.forEach((item) => {
        stream.pushed(item);
      });
      await writer.flush();
    }
    const { stream, connection } = await open(side, store, got);
    await stream.synced(side.all.at(-1) ?? 0, side.version, connection);
    expect(
      [...got].sort((a, b) => a - b),
      `seed ${seed}`,
    ).toEqual(side.all);
    expect(stream.holds(side.version)).toBe(true);
  }
});

test("only a device that has never read asks as a fresh one; what failed holds nobody up", async () => {
  const side = new Side();
  const store = new MemoryStore();
  const got: number[] = [];
  side.add();
  side.fails = 1;
  const first = await open(side, store, got);
  await first.stream.synced(3, 3, first.connection);
  expect([first.fresh, got, first.stream.holds(3)]).toEqual([[true], [], false]);
  first.over.abort();
  const second = await open(side, store, got);
  await second.stream.synced(3, 3, second.connection);
  await second.writer.flush();
  side.add();
  const third = await open(side, store, got);
  await third.stream.synced(6, 6, third.connection);
  expect([second.fresh, third.fresh, got]).toEqual([[true], [false], [3, 6]]);
  const none = await open(new Side(), new MemoryStore(), []);
  await none.stream.synced(0, 40, none.connection);
  expect([none.fresh, none.stream.holds(40)]).toEqual([[], true]);
});
