// What apps see: options, messages, conversations, events. Numbers marked seq,
// version or ms are integers below 2^53; ids are strings, because the server's
// are 64 bits wide.

import type { Store } from "./store";

/** Where a client is in its life. */
export type State =
  /** Made, connect() not called. */
  | "idle"
  /** Asking LBS, dialling, logging in. */
  | "connecting"
  /** Logged in: calls work; what was missed is still being read. */
  | "syncing"
  /** Logged in, and everything missed has been delivered before this event. */
  | "connected"
  /** Not connected; a further attempt follows. */
  | "waiting"
  /** Final: the server ended the session for good. */
  | "kicked"
  /** Final: the server refuses the login (wrong token, blocked…). */
  | "refused"
  /** Final: close() or logout() was called. */
  | "closed";

export interface StateChange {
  state: State;
  /** Why, for waiting, kicked and refused. */
  error?: Error;
  /** Pause before the next attempt, for waiting. */
  retryInMs?: number;
}

/** A kind of client. */
export type Platform = "unknown" | "android" | "ios" | "pc" | "web" | "rest" | "mac";

/** Message types (Yunxin's numbers); the type of a Content may be any that can be sent. */
export const MessageType = {
  Text: 0,
  Image: 1,
  Audio: 2,
  Video: 3,
  Location: 4,
  File: 6,
  Tip: 10,
  Custom: 100,
  /** An entry that takes back the entry refSeq. */
  Recall: 1000,
} as const;

/** What a message says. */
export interface Content {
  /** See MessageType; the default is text. */
  type?: number;
  /** The text, or JSON for the other types; at most 5000 characters. */
  body: string;
  /** The app's own data, at most 1024 characters. */
  ext?: string;
}

/** One entry of a conversation's log. Treat it as read-only. */
export interface Message {
  /** The other account of the conversation. */
  peer: string;
  /** Position in the conversation: gapless, from 1. */
  seq: number;
  /** Grows with every message of the site. */
  id: string;
  from: string;
  to: string;
  /** The sender's own id of the message. */
  clientId: string;
  type: number;
  body: string;
  ext: string;
  /** Server's clock, Unix milliseconds. */
  timeMs: number;
  fromPlatform: Platform;
  fromDevice: string;
  /** This account sent it, from here or another device. */
  own: boolean;
  /** Its content has been taken back: body and ext are empty. */
  recalled: boolean;
  /** For a recall the entry that it takes back, for a recalled entry the recall; else 0. */
  refSeq: number;
}

/** A message on its way from this client; a new object at every change. */
export interface Outgoing {
  peer: string;
  clientId: string;
  type: number;
  body: string;
  ext: string;
  /** When send was called, this device's clock. */
  createdMs: number;
  /**
   * sending: not accepted yet, tried for as long as it takes, also after a
   * reload of the page. sent: on disk on a majority of the site's nodes.
   * failed: the server refuses it; retry or discard it.
   */
  state: "sending" | "sent" | "failed";
  /** Set when sent. */
  seq?: number;
  id?: string;
  timeMs?: number;
  /** Set when failed. */
  error?: Error;
}

/** What is known of one conversation; a snapshot. */
export interface ConversationInfo {
  peer: string;
  /** Up to which everything has been delivered to the app. */
  lastSeq: number;
  /** This account's read cursor. */
  readSeq: number;
  /** The peer's read cursor: what he has seen of ours. */
  peerReadSeq: number;
  /**
   * Messages of the peer after readSeq. Of what is older than this device's
   * first sync every entry counts, ours too.
   */
  unread: number;
  /** The latest entry that is not a recall, if it is known here. */
  lastMessage?: Message;
  /** Of the last change, server's clock; 0 when not known. */
  timeMs: number;
}

/** A page of a conversation's log, in the order of seq. */
export interface HistoryPage {
  messages: Message[];
  /** There is more before the first of messages. */
  more: boolean;
}

/** A read cursor that has moved, other than by this client. */
export interface ReadEvent {
  peer: string;
  /** "peer": a receipt for our messages. "self": another device of this account. */
  by: "peer" | "self";
  seq: number;
}

/** The content of a message has been taken back. */
export interface RecallEvent {
  peer: string;
  /** The entry that lost its content. */
  seq: number;
  /** The log's own entry of the recall; its body is the note. */
  entry: Message;
}

/** Messages that the server no longer has, so that they were skipped. */
export interface MissingEvent {
  peer: string;
  fromSeq: number;
  toSeq: number;
}

/** How a message came. */
export interface Delivery {
  /** It has just been sent, by someone or by this client; false: it was missed and read later. */
  live: boolean;
}

export type KickReason = "unknown" | "replaced" | "server" | "other_device" | "credentials";

export interface Kicked {
  reason: KickReason;
  byPlatform: Platform;
  byDevice: string;
  /** Another tab of this browser took over: offer the user to "use it here". */
  bySameBrowser: boolean;
  note: string;
}

/** A message of a room: at most once, kept nowhere. */
export interface RoomMessage {
  room: string;
  from: string;
  fromPlatform: Platform;
  clientId: string;
  type: number;
  body: string;
  ext: string;
  id: string;
  timeMs: number;
  own: boolean;
}

/** Whether this client is in a room that it wants to be in. */
export interface RoomEvent {
  room: string;
  /** "away" while the connection is down: messages are missed. "lost": entering again was refused. */
  state: "entered" | "away" | "lost" | "exited";
  /** Members on the same node, when entered. */
  members?: number;
  error?: Error;
}

export interface Profile {
  account: string;
  name: string;
  icon: string;
  sign: string;
  email: string;
  birth: string;
  mobile: string;
  /** 0 unknown, 1 male, 2 female. */
  gender: number;
  ex: string;
  updatedMs: number;
}

/** The fields to change. */
export type ProfileChange = Partial<Omit<Profile, "account" | "updatedMs">>;

export interface OnlineDevice {
  sessionId: string;
  deviceId: string;
  platform: Platform;
  loginMs: number;
}

/** The server's answer to the login. */
export interface Login {
  sessionId: string;
  serverTimeMs: number;
  lastDeviceId: string;
  lastLoginMs: number;
  /** This account's other sessions at that moment. */
  others: OnlineDevice[];
  maxBodyBytes: number;
}

/** Gets what a developer may want to know; never tokens or the text of messages. */
export interface Logger {
  info(text: string, details?: Record<string, unknown>): void;
  warn(text: string, details?: Record<string, unknown>): void;
  error(text: string, details?: Record<string, unknown>): void;
}

export interface ClientOptions {
  /** URL of LBS, which says where to connect. Either lbs or endpoint. */
  lbs?: string;
  /** Origin of one gateway, such as https://im.example.com, without LBS. */
  endpoint?: string;
  /** Path of the gateway; the default is /socket.io/. */
  path?: string;
  /** LBS environment; empty takes the default access points. */
  env?: string;

  appKey: string;
  account: string;
  /** The account's token, or what to ask for it before each login. */
  token: string | (() => string | Promise<string>);

  /** Names this device, at most 64 bytes; see README for the default. */
  deviceId?: string;
  /** The default is "web". */
  platform?: Exclude<Platform, "rest">;
  /** Shown to the user's other devices. */
  customTag?: string;

  /** Where this device keeps its state; IndexedDBStore where there is IndexedDB, else MemoryStore. */
  store?: Store;
  /** Latest messages of each conversation that a new device is given; default 20. */
  backlog?: number;
  /** Messages kept in the store for each conversation; default 500. */
  cachePerConversation?: number;

  /** Pause before a new attempt doubles from one to the other; defaults 1 s and 60 s. */
  minBackoffMs?: number;
  maxBackoffMs?: number;
  /** How long a call other than send waits for its answer, connection losses included; default 30 s. */
  callTimeoutMs?: number;
  /** How long one access point may take to connect; default 10 s. */
  connectTimeoutMs?: number;
  /** Access points of LBS are http, not https. For tests. */
  insecure?: boolean;
  /** Engine.IO transports in the order to try; default ["websocket", "polling"]. */
  transports?: ("websocket" | "polling")[];
  logger?: Logger;
}
