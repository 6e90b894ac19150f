import { jittered, sleep } from "./async";
import type { Live } from "./behind";
import type { Calls } from "./calls";
import type { Init, Request } from "./codec";
import { ConnectionError, TimeoutError } from "./errors";
import type { Inbox } from "./inbox";
import { placeOf } from "./key";
import type { Link } from "./link";
import type { Logger, Message } from "./types";
import { entriesOf } from "./wire";
import * as wire from "./wire.gen";

/** Conversations in one answer to sync, messages in one of history. */
const pageSize = 100;
/** Conversations that are read at the same time. */
const maxFills = 4;
const requestTimeout = 20_000;
/** Wait when the server fails to answer a sync. */
const syncPause = 5_000;
/** How often a connected client asks what changed, which moves its version on. */
const resyncInterval = 10 * 60_000;
/** How long a connection may take to prove that it is alive when the user comes back. */
const probeTimeout = 10_000;
/**
 * A server that answers without the message that must come next may be behind
 * itself (a follower just after a failover): it is asked holeTries times,
 * holePause apart, before the message counts as missing.
 */
const holeTries = 3;
const holePause = 2_000;
/** How long a conversation is left alone whose history the server refuses. */
const failedPause = 30_000;

/** What CatchUp tells. */
export interface CatchUpListener {
  /** Everything that was missed has been delivered. */
  caughtUp(): void;
  /** A sync has come to its end. Resolves when what else has changed is read too. */
  synced(last: wire.SyncResponse): Promise<void>;
  /** Whether everything up to version is here, but for the messages. */
  holds(version: number): boolean;
  /** Resolves when everything delivered is in the store. */
  stored(): Promise<void>;
}

/** CatchUp reads what was missed, on one link, from its login to its end. */
export class CatchUp {
  #fills = 0;
  #acked = 0;
  #syncDue = 0;
  #probing = false;
  #others = 0; // readings of what else has changed that are under way

  constructor(
    private readonly self: string,
    private readonly inbox: Inbox,
    private readonly calls: Calls,
    private readonly listener: CatchUpListener,
    private readonly logger: Logger,
    private readonly link: Link,
    private readonly signal: AbortSignal,
  ) {}

  async run(): Promise<void> {
    while (!(await this.#sync())) {
      if (!(await sleep(jittered(syncPause), this.signal))) {
        return;
      }
    }
    this.#syncDue = Date.now() + jittered(resyncInterval);
    let syncing = true;
    while (!this.signal.aborted) {
      const { conv, wait } = this.#fills < maxFills ? this.inbox.behind.take() : { wait: Number.POSITIVE_INFINITY };
      if (conv) {
        void this.#fill(conv);
        continue;
      }
      if (syncing && this.#fills === 0 && this.#others === 0) {
        syncing = false;
        this.listener.caughtUp();
      }
      void this.#ack();
      await this.inbox.behind.work.wait(Math.min(wait, this.#syncDue - Date.now()), this.signal);
      if (Date.now() >= this.#syncDue) {
        await this.#sync();
        this.#syncDue = Date.now() + jittered(resyncInterval);
      }
    }
  }

  /** Asks what changed now; a connection that does not answer is given up. */
  async probe(): Promise<void> {
    if (this.#probing) {
      return;
    }
    this.#probing = true;
    try {
      this.#synced(await this.#request(wire.sync, { version: this.inbox.version, limit: pageSize }, probeTimeout));
    } catch (err) {
      if (err instanceof TimeoutError) {
        this.link.close(new ConnectionError("the connection does not answer"));
      }
    } finally {
      this.#probing = false;
    }
  }

  /** Takes a page that answers to inbox.version; what follows it is asked in time. */
  #synced(page: wire.SyncResponse): void {
    if (page.version < this.inbox.version || !this.inbox.synced) {
      return; // the regular sync decides
    }
    this.inbox.takeSync(page);
    if (page.more) {
      this.#syncDue = 0;
      this.inbox.behind.work.raise();
    } else {
      this.#readOthers(page);
    }
  }

  #readOthers(page: wire.SyncResponse): void {
    this.#others++;
    void this.listener.synced(page).finally(() => {
      this.#others--;
      this.inbox.behind.work.raise();
    });
  }

  /** Learns which conversations changed, page by page; true when it came to the end. */
  async #sync(): Promise<boolean> {
    let version = this.inbox.version;
    for (;;) {
      let page: wire.SyncResponse;
      try {
        page = await this.#request(wire.sync, { version, limit: pageSize });
      } catch (err) {
        this.#log("sync failed", err);
        return false;
      }
      if (page.version < version) {
        this.logger.warn("the site is behind this device", { version, siteVersion: page.version });
        if (!this.inbox.siteBehind()) {
          return false;
        }
        version = 0;
        this.#acked = 0;
        continue;
      }
      if (page.more && page.version === version) {
        this.logger.warn("sync failed: the server's pages do not advance");
        return false;
      }
      this.inbox.takeSync(page);
      if (!page.more) {
        this.#readOthers(page);
        return true;
      }
      version = page.version;
    }
  }

  /** Reads one page of what conv misses. */
  async #fill(conv: Live): Promise<void> {
    this.#fills++;
    const { delivered, known } = conv.row;
    const to = Math.min(known, delivered + pageSize);
    try {
      const range = { ...placeOf(conv.row), fromSeq: delivered + 1, toSeq: to, limit: pageSize };
      const answer = await this.#request(wire.history, range);
      this.#begin(conv, answer.firstSeq, answer.floorSeq);
      // The answer has what the entries that were known when it was asked for have changed.
      this.#place(conv, entriesOf(conv.row.conversation, answer.messages, this.self, known), to);
    } catch (err) {
      if (!this.link.reason) {
        this.#log("reading missed messages failed", err);
        conv.notBefore = Date.now() + failedPause;
      }
    }
    this.#fills--;
    this.inbox.putBack(conv);
    this.inbox.behind.work.raise();
  }

  /** Leaves out what is before first: missed when the server no longer keeps it, else not this account's to read. */
  #begin(conv: Live, first: number, floor: number): void {
    if (floor > 0 && first === floor) {
      this.inbox.skip(conv, floor - 1);
    } else {
      this.inbox.startAt(conv, first);
    }
  }

  #place(conv: Live, usable: Message[], to: number): void {
    if (usable.length === 0) {
      if (conv.row.delivered < to && this.#isHole(conv)) {
        this.inbox.skip(conv, to);
      }
      return;
    }
    for (const m of usable) {
      if (!this.inbox.place(conv, m)) {
        if (!this.#isHole(conv)) {
          return;
        }
        this.inbox.skip(conv, m.seq - 1);
        this.inbox.place(conv, m);
      }
    }
  }

  /** Counts an answer that lacked the next message; true when that one counts as missing now. */
  #isHole(conv: Live): boolean {
    conv.holes++;
    if (conv.holes < holeTries) {
      conv.notBefore = Date.now() + holePause;
      return false;
    }
    return true;
  }

  /** Tells the server up to which version this device holds everything; a hint that the next one makes good. */
  async #ack(): Promise<void> {
    const { version } = this.inbox;
    if (version <= this.#acked || this.#fills > 0 || !this.inbox.behind.empty || !this.listener.holds(version)) {
      return;
    }
    this.#acked = version;
    try {
      await this.listener.stored();
      await this.#request(wire.ack, { version });
    } catch (err) {
      this.#log("ack failed", err);
    }
  }

  #request<A, R>(what: Request<A, R>, argument: Init<A>, timeoutMs = requestTimeout): Promise<R> {
    return this.calls.request(this.link, what, argument, Date.now() + timeoutMs, this.signal);
  }

  #log(what: string, err: unknown): void {
    if (!this.link.reason) {
      this.logger.warn(what, { error: String(err) });
    }
  }
}
