// The messages of appliance/wire/wire.proto as this SDK's types.

import { ServerError, UsageError } from "./errors";
import { id, int, isP2P, type Json, kickReason, object, objects, platform, text } from "./protojson";
import {
  type Content,
  type Kicked,
  type Login,
  type Message,
  MessageType,
  type OnlineDevice,
  type Profile,
  type RoomMessage,
} from "./types";

/** The message in x, as account self sees it; undefined when it is not of a 1:1 conversation. */
export function message(x: unknown, self: string): Message | undefined {
  const m = object(x);
  const seq = int(m.seq);
  if (!isP2P(m.scene) || seq === 0) {
    return undefined;
  }
  const from = text(m.from);
  const to = text(m.to);
  return {
    peer: from === self ? to : from,
    seq,
    id: id(m.id),
    from,
    to,
    clientId: text(m.clientId),
    type: int(m.type),
    body: text(m.body),
    ext: text(m.ext),
    timeMs: int(m.timeMs),
    fromPlatform: platform(m.fromPlatform),
    fromDevice: text(m.fromDevice),
    own: from === self,
    recalled: m.recalled === true,
    refSeq: int(m.refSeq),
  };
}

/** A message whose content has been taken back by the entry refSeq. */
export function withoutContent(m: Message, refSeq: number): Message {
  return { ...m, body: "", ext: "", recalled: true, refSeq };
}

export function roomMessage(x: unknown, self: string): RoomMessage {
  const m = object(x);
  const from = text(m.from);
  return {
    room: text(m.room),
    from,
    fromPlatform: platform(m.fromPlatform),
    clientId: text(m.clientId),
    type: int(m.type),
    body: text(m.body),
    ext: text(m.ext),
    id: id(m.id),
    timeMs: int(m.timeMs),
    own: from === self,
  };
}

/** One conversation's state in an answer to sync. */
export interface ConversationState {
  peer: string;
  lastSeq: number;
  readSeq: number;
  peerReadSeq: number;
  /** The first entry that this account may read; 0 is the first of all. */
  firstSeq: number;
  timeMs: number;
}

export interface SyncPage {
  conversations: ConversationState[];
  version: number;
  more: boolean;
}

export function syncPage(o: Json): SyncPage {
  return {
    conversations: objects(o.conversations)
      .filter((c) => isP2P(c.scene))
      .map((c) => ({
        peer: text(c.peer),
        lastSeq: int(c.lastSeq),
        readSeq: int(c.readSeq),
        peerReadSeq: int(c.peerReadSeq),
        firstSeq: int(c.firstSeq),
        timeMs: int(c.timeMs),
      })),
    version: int(o.version),
    more: o.more === true,
  };
}

export interface ReadPush {
  reader: string;
  peer: string;
  seq: number;
}

export function readPush(x: unknown): ReadPush | undefined {
  const o = object(x);
  return isP2P(o.scene) ? { reader: text(o.reader), peer: text(o.peer), seq: int(o.seq) } : undefined;
}

export function login(x: unknown): Login {
  const o = object(x);
  return {
    sessionId: id(o.sessionId),
    serverTimeMs: int(o.serverTimeMs),
    lastDeviceId: text(o.lastDeviceId),
    lastLoginMs: int(o.lastLoginMs),
    others: objects(o.others).map(onlineDevice),
    maxBodyBytes: int(o.maxBodyBytes),
  };
}

function onlineDevice(o: Json): OnlineDevice {
  return {
    sessionId: id(o.sessionId),
    deviceId: text(o.deviceId),
    platform: platform(o.platform),
    loginMs: int(o.loginMs),
  };
}

export function profile(o: Json): Profile {
  return {
    account: text(o.account),
    name: text(o.name),
    icon: text(o.icon),
    sign: text(o.sign),
    email: text(o.email),
    birth: text(o.birth),
    mobile: text(o.mobile),
    gender: int(o.gender),
    ex: text(o.ex),
    updatedMs: int(o.updatedMs),
  };
}

export function kicked(x: unknown): Omit<Kicked, "bySameBrowser"> {
  const o = object(x);
  return {
    reason: kickReason(o.reason),
    byPlatform: platform(o.byPlatform),
    byDevice: text(o.byDevice),
    note: text(o.note),
  };
}

/** The error of an answer {code, body: ErrorBody}, or of a refused login {code, note, …}. */
export function serverError(code: unknown, errorBody: unknown): ServerError {
  const body = object(errorBody);
  return new ServerError(int(code), text(body.note), int(body.retryAfterMs));
}

/** Fills in a Content's defaults. */
export function content(c: string | Content): Required<Content> {
  const { type, body, ext } = typeof c === "string" ? { type: undefined, body: c, ext: undefined } : c;
  if (typeof body !== "string") {
    throw new UsageError("body must be a string: the text, or JSON for types other than text");
  }
  return { type: type ?? MessageType.Text, body, ext: ext ?? "" };
}
