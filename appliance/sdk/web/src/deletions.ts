import type { Calls } from "./calls";
import type { Inbox } from "./inbox";
import { type Key, keyOf } from "./key";
import type { Connection, Part } from "./part";
import type { Logger } from "./types";
import * as wire from "./wire.gen";
import type { Writer } from "./writer";

/** Deletions in one answer. */
const pageSize = 200;
const requestTimeout = 20_000;
const table = "deletions cursor";

/**
 * What the account has deleted for itself. Whatever tells of news only says up to
 * which version there is something; reading brings it, in order. A new device has
 * nothing yet to delete: history leaves it out.
 */
export class Deletions implements Part {
  #version: number | undefined; // reached; undefined: this device has never read any
  #wanted = 0;
  #connection: Connection | undefined;
  #reading: Promise<void> | undefined;

  constructor(
    private readonly calls: Calls,
    private readonly inbox: Inbox,
    private readonly writer: Writer,
    private readonly listener: { deletion(key: Key, seqs: number[]): void },
    private readonly logger: Logger,
  ) {}

  async load(): Promise<void> {
    const [cursor] = await this.writer.records(table);
    this.#version = cursor?.version;
  }

  connected(connection: Connection): void {
    this.#connection = connection;
  }

  async synced({ deletionsVersion }: wire.SyncResponse): Promise<void> {
    if (this.#version === undefined || this.#version > deletionsVersion) {
      this.#reached(deletionsVersion);
      return;
    }
    await this.#want(deletionsVersion);
  }

  /** A push tells of a deletion by another device. */
  pushed(version: number): void {
    void this.#want(version);
  }

  /** This device has deleted messages. */
  own(key: Key, seqs: number[]): void {
    this.#apply(key, seqs); // its version comes with the next reading, which does it once more
  }

  reset(): void {
    this.#version = undefined;
    this.#wanted = 0;
  }

  async #want(version: number): Promise<void> {
    this.#wanted = Math.max(this.#wanted, version);
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  /** Reads what is missing; what fails is read after the next sync. */
  async #read(): Promise<void> {
    try {
      while (this.#version !== undefined && this.#version < this.#wanted && this.#connection) {
        const { link, signal } = this.#connection;
        const request = { version: this.#version, limit: pageSize };
        const page = await this.calls.request(link, wire.deletions, request, Date.now() + requestTimeout, signal);
        for (const { scene, peer, seqs } of page.deletions) {
          this.#apply(keyOf(scene, peer), seqs);
        }
        if (page.more && page.version <= this.#version) {
          throw new Error("the server's pages do not advance");
        }
        this.#reached(page.version);
        if (!page.more) {
          this.#wanted = Math.min(this.#wanted, page.version);
        }
      }
    } catch (err) {
      if (!this.#connection?.signal.aborted) {
        this.logger.warn("reading deletions failed", { error: String(err) });
      }
    }
  }

  #apply(key: Key, seqs: number[]): void {
    if (this.inbox.forgetMessages(key, seqs)) {
      this.listener.deletion(key, seqs);
    }
  }

  #reached(version: number): void {
    this.#version = version;
    this.writer.record({ table, key: "", version, value: null });
  }
}
