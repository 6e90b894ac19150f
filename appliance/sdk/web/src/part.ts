import type { Link } from "./link";
import type { SyncResponse } from "./wire.gen";

/** One connection, logged in. */
export interface Connection {
  link: Link;
  /** Aborted when the connection ends. */
  signal: AbortSignal;
}

/** A domain that Core carries along: what it does besides conversations. */
export interface Part {
  /** Reads what an earlier page has left. Called once, before anything else. */
  load?(): Promise<void>;
  /** A connection is logged in. */
  connected?(connection: Connection): void;
  /** The connection is gone. */
  disconnected?(): void;
  /** A sync has come to its end with last. Resolves when what it tells of is read, or cannot be now. */
  synced?(last: SyncResponse, connection: Connection): Promise<void>;
  /** Whether everything up to the version of a sync is here. */
  holds?(version: number): boolean;
  /** The site is another one, or the user has logged out: what is known is void. */
  reset?(): void;
}
