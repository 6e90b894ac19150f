import { expect, test } from "vitest";
import { applyEntry, concerns } from "../src/entries";
import { mergeMessages } from "../src/store";
import { type Message, MessageType } from "../src/types";
import { entry } from "./entry";
import { seeded } from "./random";

const react = (seq: number, from: string, emoji: string, undone = false) =>
  entry("bob", seq, {
    type: MessageType.Reaction,
    refSeq: 1,
    from,
    own: from === "me",
    op: { emoji, undone, silent: false },
  });

const apply = (m: Message, ...entries: Message[]) => entries.reduce(applyEntry, m);

test("each kind of entry changes the message that it is about, and no other", () => {
  const m = entry("bob", 1);
  const edit = entry("bob", 2, { type: MessageType.Edit, refSeq: 1, body: "new", ext: "e", timeMs: 9 });
  expect(concerns(edit)).toBe(1);
  expect(apply(entry("bob", 5), { ...edit, seq: 6 })).toMatchObject({ body: "bob 5", asOf: 5 });
  expect(apply(m, edit)).toMatchObject({
    body: "new",
    ext: "e",
    asOf: 2,
    changes: { edits: 1, editedMs: 9, editSeq: 2 },
  });
  const lost = { ...edit, seq: 2, body: "" }; // its content went to a newer edit
  expect(apply(m, lost, { ...edit, seq: 3 })).toMatchObject({ body: "new", changes: { edits: 2 } });
  const pin = entry("bob", 2, { type: MessageType.Pin, refSeq: 1 });
  const unpin = { ...pin, seq: 3, op: { emoji: "", undone: true, silent: false } };
  expect(apply(m, pin).changes?.pinned).toBe(true);
  expect(apply(m, pin, unpin).changes?.pinned).toBe(false);
  expect(apply(m, entry("bob", 2, { threadRoot: 1 })).changes).toMatchObject({ replies: 1, lastReplySeq: 2 });
  const recall = entry("bob", 4, { type: MessageType.Recall, refSeq: 1 });
  expect(apply(m, pin, recall)).toMatchObject({ body: "", recalled: true, refSeq: 4 });
  expect(apply(m, pin, recall).changes).toBeUndefined();
  const withdrawn = entry("bob", 2, { type: MessageType.Withdraw, refSeq: 1 });
  expect(apply(m, withdrawn)).toMatchObject({ body: "", hidden: true });
  expect(apply({ ...m, own: true }, withdrawn)).toMatchObject({
    body: "bob 1",
    hidden: false,
    changes: { withdrawn: true },
  });
  expect(apply(m, entry("bob", 2, { type: 1999, refSeq: 1, body: "?" }))).toMatchObject({ body: "bob 1", asOf: 2 });
  expect(m).toEqual(entry("bob", 1)); // nothing is changed in place
});

test("reactions: whoever reacts and takes back, whatever is applied twice", () => {
  const accounts = ["me", "bob", "carol"];
  for (let seed = 1; seed <= 50; seed++) {
    const random = seeded(seed);
    const given = new Map<string, Set<string>>();
    const entries: Message[] = [];
    for (let seq = 2; seq < 40; seq++) {
      const [from, emoji] = [accounts[Math.floor(random() * 3)]!, ["👍", "🎉"][Math.floor(random() * 2)]!];
      const set = given.get(emoji) ?? new Set();
      given.set(emoji, set);
      entries.push(react(seq, from, emoji, set.has(from)));
      if (!set.delete(from)) {
        set.add(from);
      }
    }
    let m = entry("bob", 1);
    for (const [i, e] of entries.entries()) {
      m = apply(m, e, entries[Math.floor(random() * (i + 1))]!); // an old one once more
    }
    // And once more to what a server has answered before the last of them.
    const stale = { ...m, asOf: 20 };
    for (const now of [m, apply(stale, ...entries.slice(-1))]) {
      const have = Object.fromEntries((now.changes?.reactions ?? []).map((r) => [r.emoji, r]));
      for (const [emoji, set] of given) {
        expect(have[emoji]?.count ?? 0).toBe(set.size);
        expect([...(have[emoji]?.accounts ?? [])].sort()).toEqual([...set].sort());
        expect(have[emoji]?.mine ?? false).toBe(set.has("me"));
      }
    }
  }
});

test("beyond twenty names only the count goes on", () => {
  let m = entry("bob", 1);
  for (let i = 0; i < 25; i++) {
    m = apply(m, react(i + 2, `user${i}`, "👍"));
  }
  expect(m.changes?.reactions).toMatchObject([{ count: 25, mine: false }]);
  expect(m.changes?.reactions[0]?.accounts).toHaveLength(20);
  m = apply(m, react(50, "user24", "👍", true), react(51, "me", "👍"), react(52, "user0", "👍", true));
  expect(m.changes?.reactions).toMatchObject([{ count: 24, mine: true }]);
});

test("of two states of a message the later one stays, and what is deleted stays so", () => {
  const m = entry("bob", 1);
  const edited = apply(m, entry("bob", 2, { type: MessageType.Edit, refSeq: 1, body: "new" }));
  expect(mergeMessages(edited, m)).toBe(edited);
  expect(mergeMessages(m, edited)).toBe(edited);
  expect(mergeMessages({ ...m, hidden: true }, edited)).toMatchObject({ hidden: true, body: "", asOf: 2 });
  expect(mergeMessages(undefined, m)).toBe(m);
});
