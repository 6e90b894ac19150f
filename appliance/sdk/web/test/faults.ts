// Faults that need no help from a server: they sit between the SDK's parts, so
// that they work against a real node and in a real browser.

import { ConnectionError } from "../src/errors";
import { Inbox } from "../src/inbox";
import { Link } from "../src/link";
import type { Message } from "../src/types";
import { seeded } from "./random";

const links = new Set<Link>();
const call = Link.prototype.call;
Link.prototype.call = function (...args) {
  if (!links.has(this)) {
    links.add(this);
    void this.ended.then(() => links.delete(this));
  }
  return call.apply(this, args);
};

/** Cuts all connections that are logged in; how many there were. */
export function cutAll(): number {
  const cut = [...links];
  for (const link of cut) {
    link.close(new ConnectionError("cut by the test"));
  }
  return cut.length;
}

/**
 * From now on pushes (and what an answer tells of our own messages) are lost,
 * doubled and delayed, by a seeded choice; the result ends that.
 */
export function manglePushes(seed: number): () => void {
  const random = seeded(seed);
  const { offer } = Inbox.prototype;
  const late: (() => void)[] = [];
  Inbox.prototype.offer = function (m: Message) {
    const give = () => offer.call(this, m);
    const dice = random();
    if (dice < 0.15) {
      return; // lost
    }
    if (dice < 0.3) {
      late.push(give);
    } else {
      give();
    }
    if (dice > 0.85) {
      give(); // twice
    }
    if (dice > 0.6) {
      for (const other of late.splice(0)) {
        other();
      }
    }
  };
  return () => {
    Inbox.prototype.offer = offer;
    for (const other of late.splice(0)) {
      other();
    }
  };
}
