// The server's messages as this SDK's types.

import { ServerError, UsageError } from "./errors";
import { keyOf } from "./key";
import { int, object, text } from "./protojson";
import { type Content, type Login, type Message, MessageType, type RoomMessage } from "./types";
import * as wire from "./wire.gen";

/**
 * The message x as account self sees it. Entries up to the seq asOf are worked into
 * it; of a push that is its own.
 */
export function message(x: wire.Message, self: string, asOf = x.seq): Message {
  const peer = x.scene === "team" || x.from === self ? x.to : x.from;
  return { ...keyOf(x.scene, peer), ...x, own: x.from === self, asOf: Math.max(asOf, x.seq) };
}

/** Those of all that are entries of the conversation, in the order of the log. */
export function entriesOf(conversation: string, all: wire.Message[], self: string, asOf: number): Message[] {
  return all
    .filter((m) => m.seq > 0)
    .map((m) => message(m, self, asOf))
    .filter((m) => m.conversation === conversation)
    .sort((a, b) => a.seq - b.seq);
}

export function roomMessage(x: wire.RoomMessagePush, self: string): RoomMessage {
  return { ...x, own: x.from === self };
}

export function login(x: unknown): Login {
  const { heartbeatSeconds: _, ...rest } = wire.LoginResponse.read(x);
  return rest;
}

/** The error of an answer {code, body: ErrorBody}, or of a refused login {code, note, …}. */
export function serverError(code: unknown, errorBody: unknown): ServerError {
  const body = object(errorBody);
  return new ServerError(int(code), text(body.note), int(body.retryAfterMs));
}

/** What was given to send, checked and with its defaults. */
export function content(c: string | Content): Content & { type: number; body: string; ext: string } {
  const given: Content = typeof c === "string" ? { body: c } : c;
  const { type, body, ext } = given;
  const bodiless = given.forward !== undefined || given.merged !== undefined;
  if (typeof (body ?? (bodiless ? "" : undefined)) !== "string") {
    throw new UsageError("body must be a string: the text, or JSON for types other than text");
  }
  return {
    ...given,
    type: type ?? (given.merged ? MessageType.Merged : MessageType.Text),
    body: body ?? "",
    ext: ext ?? "",
  };
}
