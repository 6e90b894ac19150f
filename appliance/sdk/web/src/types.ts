// What apps see: options, messages, conversations, events. Numbers marked seq,
// version or ms are integers below 2^53; ids are strings, because the server's
// are 64 bits wide.

import type { Init } from "./codec";
import type { Key } from "./key";
import type { Store } from "./store";
import type {
  ConversationSetting,
  KickReason,
  LoginResponse,
  Platform,
  Profile,
  RoomMessagePush,
  RoomOutPush,
  SendRequest,
  TeamState,
  Message as WireMessage,
} from "./wire.gen";

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

/** Message types (Yunxin's numbers); the type of a Content may be any that can be sent. */
export const MessageType = {
  Text: 0,
  Image: 1,
  Audio: 2,
  Video: 3,
  Location: 4,
  /** An entry of a team's log that tells a change of the team, in event. */
  TeamNotice: 5,
  File: 6,
  Tip: 10,
  Custom: 100,
  /** Messages of other conversations, in merged; body is the title. */
  Merged: 101,
  /** An entry that takes back the entry refSeq. Types from here on are entries about entries. */
  Recall: 1000,
  Edit: 1001,
  Reaction: 1002,
  Pin: 1003,
  /** The tenant's backend takes a message from everybody but its sender. */
  Withdraw: 1004,
} as const;

/** What a message says: all but the body, which may be given alone, can be left out. */
export interface Content extends Init<Omit<SendRequest, "scene" | "to" | "clientId">> {
  /** See MessageType; the default is text. */
  readonly type?: number | undefined;
  /** The text, or JSON for the other types; at most 5000 characters. Not with forward. */
  readonly body?: string | undefined;
  /** The app's own data, at most 1024 characters. */
  readonly ext?: string | undefined;
}

/** One entry of a conversation's log. Treat it as read-only. */
export interface Message extends Key, WireMessage {
  /** This account sent it, from here or another device. */
  own: boolean;
  /** Entries of the log about this one are worked into it up to this seq (see applyEntry). */
  asOf: number;
}

/** A message on its way from this client; a new object at every change. */
export interface Outgoing extends Key {
  clientId: string;
  type: number;
  body: string;
  ext: string;
  /** All that was given to send. */
  content: Content;
  /** When send was called, this device's clock. */
  createdMs: number;
  /**
   * sending: not accepted yet, tried for as long as it takes, also after a
   * reload of the page. sent: on disk on a majority of the site's nodes.
   * failed: the server refuses it; retry or discard it.
   */
  state: "sending" | "sent" | "failed";
  /** Set when sent; seq is 0 when the message was for who is online only. */
  seq?: number;
  id?: string;
  timeMs?: number;
  /** Set when failed. */
  error?: Error;
}

/** What is known of one conversation; a snapshot. */
export interface ConversationInfo extends Key {
  /** Up to which everything has been delivered to the app. */
  lastSeq: number;
  /** This account's read cursor. */
  readSeq: number;
  /** The peer's read cursor: what he has seen of ours. Always 0 in a team. */
  peerReadSeq: number;
  /** Messages of others after readSeq that are there to be read. */
  unread: number;
  /** The latest message, if it is known here; entries about entries are none. */
  lastMessage?: Message;
  /** Of the last change, server's clock; 0 when not known. */
  timeMs: number;
  /** It stands before the others. */
  top: boolean;
  /** It makes no noise. */
  muted: boolean;
  /** The user wants it to look unread. */
  markedUnread: boolean;
  /** The user has taken it out of the list; its next entry brings it back. */
  removed: boolean;
  /** How the account has arranged it, if it has. */
  setting?: ConversationSetting;
  /** What the account is to the team; set in scene "team". */
  team?: TeamState;
}

/** A page of a conversation's log, in the order of seq. */
export interface HistoryPage {
  messages: Message[];
  /** There is more before the first of messages. */
  more: boolean;
}

/** A read cursor that has moved, other than by this client. */
export interface ReadEvent extends Key {
  /** "peer": a receipt for our messages. "self": another device of this account. */
  by: "peer" | "self";
  seq: number;
}

/** The content of a message has been taken back. */
export interface RecallEvent extends Key {
  /** The entry that lost its content. */
  seq: number;
  /** The log's own entry of the recall; its body is the note. */
  entry: Message;
}

/** A message has been edited, pinned, reacted to or withdrawn: applyEntry(message, entry) is what it is now. */
export interface UpdateEvent extends Key {
  /** The message that has changed. */
  seq: number;
  /** The log's own entry of the change. */
  entry: Message;
}

/** This account has deleted messages for itself, here or on another device. */
export interface DeletionEvent extends Key {
  seqs: number[];
}

/** Messages that the server no longer has, so that they were skipped. */
export interface MissingEvent extends Key {
  fromSeq: number;
  toSeq: number;
}

/** What this account is to a team now. */
export interface TeamEvent {
  /** The team's number. */
  team: string;
  state: TeamState;
}

/** How a message came. */
export interface Delivery {
  /** It has just been sent, by someone or by this client; false: it was missed and read later. */
  live: boolean;
}

export interface Kicked {
  reason: KickReason;
  byPlatform: Platform;
  byDevice: string;
  /** Another tab of this browser took over: offer the user to "use it here". */
  bySameBrowser: boolean;
  note: string;
}

/** A message of a room: at most once. */
export interface RoomMessage extends RoomMessagePush {
  /** This account sent it, from here or another device. */
  own: boolean;
}

/** What became of a message to a room. */
export interface RoomSent {
  id: string;
  timeMs: number;
  /** A registered room is overloaded, and nobody has got the message. */
  abandoned: boolean;
}

/** Whether this client is in a room that it wants to be in. */
export interface RoomEvent {
  room: string;
  /**
   * "away" while the connection is down: messages are missed. "lost": entering again was
   * refused. "out": somebody has put this client out, or the room was closed.
   */
  state: "entered" | "away" | "lost" | "out" | "exited";
  /** Members, when entered. */
  members?: number;
  /** Why it is lost. */
  error?: Error;
  /** Why it is out. */
  out?: RoomOutPush;
}

/** The fields to change. */
export type ProfileChange = Init<Omit<Profile, "account" | "updatedMs">>;

/** The server's answer to the login. */
export type Login = Omit<LoginResponse, "heartbeatSeconds">;

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

export type { KickReason, Platform, Profile, TeamState };
