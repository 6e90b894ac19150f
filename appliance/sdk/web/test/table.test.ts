import { expect, test } from "vitest";
import { MemoryStore } from "../src/memory";
import type { Connection } from "../src/part";
import { Table, type TablePage } from "../src/table";
import { Writer } from "../src/writer";
import { seeded } from "./random";

const silent = { info() {}, warn() {}, error() {} };

interface Item {
  name: string;
  text: string;
  version: number;
}

/** The server's side: items with versions, of which over ones may have been forgotten. */
class Side {
  readonly items = new Map<string, Item>();
  version = 0;
  forgotten = 0; // below it the difference is not known
  fails = 0;

  set(name: string, text: string): Item {
    const item = { name, text, version: ++this.version };
    this.items.delete(name);
    this.items.set(name, item);
    return item;
  }

  page(version: number, floor: number): TablePage<Item> {
    if (this.fails > 0) {
      this.fails--;
      throw new Error("not now");
    }
    const startOver = version > 0 && floor === 0 && version < this.forgotten;
    const from = startOver ? 0 : version;
    const found = [...this.items.values()].filter((i) => i.version > from && (from > 0 || i.text !== ""));
    const items = found.slice(0, 3);
    const more = found.length > 3;
    return { items, version: more ? items.at(-1)!.version : this.version, floor: 1, more, startOver };
  }

  now(): string[] {
    return [...this.items.values()].flatMap((i) => (i.text ? [`${i.name} ${i.text}`] : [])).sort();
  }
}

async function bench(side: Side, store = new MemoryStore()) {
  const writer = new Writer(store, 100, { version: () => 0, rows: () => [], outbox: () => [] }, silent, () => {});
  const events: string[] = [];
  const spec = {
    name: "items",
    key: (i: Item) => i.name,
    over: (i: Item) => i.text === "",
    read: async (_: Connection, version: number, floor: number) => side.page(version, floor),
    changed: (i: Item) => events.push(i.name),
    loaded: () => events.push("loaded"),
  };
  const table = new Table<Item>(spec, writer, silent);
  await table.load();
  const over = new AbortController();
  const connection = { signal: over.signal } as Connection;
  const now = () =>
    table
      .all()
      .map((i) => `${i.name} ${i.text}`)
      .sort();
  return { table, store, writer, events, connection, over, now };
}

test("whatever changes while a device is away or there, it comes to the same", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seeded(seed);
    const side = new Side();
    const store = new MemoryStore();
    for (let round = 0; round < 6; round++) {
      const { table, writer, connection, now } = await bench(side, store);
      for (let i = 0; i < random() * 20; i++) {
        const item = side.set(`n${Math.floor(random() * 12)}`, random() < 0.3 ? "" : String(i));
        if (random() < 0.3) {
          table.take(item); // a push, before what came earlier is read
        }
      }
      if (random() < 0.3) {
        // The server forgets what is over: who was before that starts over.
        side.forgotten = side.version;
        for (const [name, item] of side.items) {
          if (item.text === "") {
            side.items.delete(name);
          }
        }
      }
      await table.synced(side.version, connection);
      expect(now(), `seed ${seed}, round ${round}`).toEqual(side.now());
      expect(table.version).toBe(side.version);
      await writer.flush();
    }
  }
});

test("an older state changes nothing, and what is stored is there at once", async () => {
  const side = new Side();
  const old = side.set("a", "old");
  const first = await bench(side);
  first.table.take(side.set("a", "new"));
  expect(first.table.take(old)).toBe(false);
  await first.table.synced(side.version, first.connection);
  expect(first.events).toEqual(["a", "loaded"]);
  await first.writer.flush();
  const second = await bench(side, first.store);
  expect(second.table.get("a")?.text).toBe("new");
  await second.table.synced(side.version, second.connection);
  expect(second.events).toEqual([]);
});

test("a reading that fails holds nobody up, and is made good", async () => {
  const side = new Side();
  side.set("a", "text");
  side.fails = 1;
  const { table, connection, over } = await bench(side);
  await table.synced(side.version, connection);
  expect(table.all()).toEqual([]);
  over.abort(); // the connection is gone before the next attempt
  const next = { signal: new AbortController().signal } as Connection;
  await table.synced(side.version, next);
  expect(table.all()).toHaveLength(1);
});
