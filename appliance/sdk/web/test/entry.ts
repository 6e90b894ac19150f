// Messages for tests that need no site.

import { keyOf } from "../src/key";
import type { Message } from "../src/types";
import * as wire from "../src/wire.gen";

/** Entry seq of the conversation with peer, from it to "me"; of a team when peer is "team:" and its number. */
export function entry(conversation: string, seq: number, more: Partial<Message> = {}): Message {
  const [, team] = conversation.split("team:");
  const key = team ? keyOf("team", team) : keyOf("p2p", conversation);
  return {
    ...wire.Message.read({}),
    ...key,
    seq,
    id: String(seq),
    from: team ? "bob" : conversation,
    to: team ?? "me",
    clientId: `${conversation}${seq}`,
    body: `${conversation} ${seq}`,
    timeMs: seq,
    fromPlatform: "web",
    fromDevice: "d",
    own: false,
    asOf: seq,
    ...more,
  };
}

/** m as the server writes it. */
export function json({ conversation: _, peer: _p, own: _o, asOf: _a, ...m }: Message): Record<string, unknown> {
  return wire.Message.init(m);
}
