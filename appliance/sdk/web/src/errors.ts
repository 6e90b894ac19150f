import type { Kicked } from "./types";

/** Codes of answers that apps meet; the whole list is in appliance/wire/PROTOCOL.md. */
export const Code = {
  Ok: 200,
  ClientTooOld: 201,
  WrongToken: 302,
  Forbidden: 403,
  NotFound: 404,
  Timeout: 408,
  /** The account has been deleted. */
  AccountGone: 410,
  BadParameter: 414,
  Network: 415,
  RateLimited: 416,
  CountLimit: 419,
  Blocked: 422,
  ServerError: 500,
  Busy: 503,
  RecallExpired: 508,
  BadProtocol: 509,
  TeamFull: 801,
  TeamPermission: 802,
  TeamMissing: 803,
  NotInTeam: 804,
  TooManyTeams: 806,
  AlreadyInTeam: 809,
  TeamMuted: 812,
  SlowClient: 997,
  MalformedFrame: 998,
  Blacklisted: 7101,
  RoomClosed: 13002,
  RoomBlocked: 13003,
  RoomMuted: 13004,
  RoomAllMuted: 13006,
} as const;

/** Codes of which the same request may have another answer later (wire.Code.Temporary). */
const temporary: ReadonlySet<number> = new Set([
  Code.Timeout,
  Code.Network,
  Code.RateLimited,
  Code.ServerError,
  Code.Busy,
  Code.SlowClient,
  Code.MalformedFrame,
]);

/** The server's answer to a request that it did not fulfil. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  constructor(
    readonly code: number,
    readonly note = "",
    /** Pause that the server asks for; 0: it names none. */
    readonly retryAfterMs = 0,
  ) {
    super(note ? `code ${code}: ${note}` : `code ${code}`);
  }

  /** Whether asking again later may help. */
  get temporary(): boolean {
    return temporary.has(this.code);
  }
}

/** The connection could not be made, or broke. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
}

/** No answer came in time; the cause says why the connection is down, if it is. */
export class TimeoutError extends Error {
  override readonly name = "TimeoutError";
}

/** The client has been closed. */
export class ClosedError extends Error {
  override readonly name = "ClosedError";
  constructor(text = "the client is closed: make a new one") {
    super(text);
  }
}

/** The server ended the session for good. */
export class KickedError extends Error {
  override readonly name = "KickedError";
  constructor(readonly kicked: Kicked) {
    super(`kicked (${kicked.reason})${kicked.note ? `: ${kicked.note}` : ""}`);
  }
}

/** An option is missing or malformed, or a call makes no sense. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The store on this device failed; messages are not lost, only not kept here. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}

/** Makes an Error of whatever was thrown. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
