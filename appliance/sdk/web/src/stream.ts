import { jittered, sleep } from "./async";
import type { Connection } from "./part";
import type { Logger } from "./types";
import type { Writer } from "./writer";

/** Pushed ones that are remembered before they are read once more, which makes that needless. */
const maxAhead = 64;
/** Wait after a reading that failed. */
const failedPause = 5_000;

/** What came after a version: one page of it. */
export interface StreamPage<T> {
  items: T[];
  version: number;
  more: boolean;
}

export interface StreamSpec<T> {
  /** Names it in the store. */
  name: string;
  /** fresh is set by a device that has never read. */
  read(connection: Connection, version: number, fresh: boolean): Promise<StreamPage<T>>;
  deliver(item: T): void;
}

/**
 * Stream delivers what has versions that grow, with gaps, each once: pushes may come in
 * any order, reading from a version on misses nothing. So it remembers how far it has
 * read and which of the later ones were pushed, in the store too.
 */
export class Stream<T extends { version: number }> {
  #fresh = true;
  #read = 0; // up to which everything was delivered
  #ahead = new Set<number>(); // later ones that were delivered too
  #wanted = 0;
  #connection: Connection | undefined;
  #reading: Promise<void> | undefined;

  constructor(
    private readonly spec: StreamSpec<T>,
    private readonly writer: Writer,
    private readonly logger: Logger,
  ) {}

  async load(): Promise<void> {
    const [stored] = await this.writer.records(this.spec.name);
    if (stored) {
      this.#read = stored.version;
      this.#fresh = false;
      this.#ahead = new Set(stored.value as number[]);
    }
  }

  /** Whether everything up to version was delivered. */
  holds(version: number): boolean {
    return this.#read >= version;
  }

  /** Takes a push. */
  pushed(item: T): void {
    if (this.#has(item.version)) {
      return;
    }
    this.#add(item);
    this.#save();
    if (this.#ahead.size > maxAhead) {
      void this.want(item.version);
    }
  }

  #has(version: number): boolean {
    return version <= this.#read || this.#ahead.has(version);
  }

  #add(item: T): void {
    this.#ahead.add(item.version);
    this.spec.deliver(item);
  }

  /** A sync to version says that newest is the newest. Resolves when it is read, or cannot be for now. */
  async synced(newest: number, version: number, connection: Connection): Promise<void> {
    if (this.#connection !== connection) {
      this.#connection = connection;
      this.#reading = undefined;
    }
    if (newest <= this.#read && !(this.#fresh && newest > 0)) {
      this.#reached(version);
      return;
    }
    await this.want(newest);
  }

  /** There is something to read, up to version. */
  async want(version: number): Promise<void> {
    this.#wanted = Math.max(this.#wanted, version);
    const connection = this.#connection;
    if (!connection) {
      return; // the next sync does it
    }
    this.#reading ??= this.#readAll(connection);
    await this.#reading;
  }

  /** The first attempt decides how long somebody waits; the further ones are nobody's. */
  async #readAll(connection: Connection): Promise<void> {
    if (await this.#attempt(connection)) {
      return;
    }
    void (async () => {
      while (await sleep(jittered(failedPause), connection.signal)) {
        if (await this.#attempt(connection)) {
          return;
        }
      }
    })();
  }

  /** Reads what is wanted; false when that failed. */
  async #attempt(connection: Connection): Promise<boolean> {
    try {
      for (let more = true; more || this.#wanted > this.#read; ) {
        const page = await this.spec.read(connection, this.#read, this.#fresh);
        if (this.#connection !== connection) {
          return true; // of a connection that is no more
        }
        for (const item of page.items) {
          if (!this.#has(item.version)) {
            this.#add(item);
          }
        }
        more = page.more;
        if (page.version <= this.#read && (more || this.#wanted > this.#read)) {
          throw new Error("the server's pages do not advance"); // or a follower lags
        }
        this.#reached(page.version);
      }
      this.#reading = undefined;
      return true;
    } catch (err) {
      if (!connection.signal.aborted) {
        this.logger.warn(`reading ${this.spec.name} failed`, { error: String(err) });
      }
      return false;
    }
  }

  #reached(version: number): void {
    this.#fresh = false;
    this.#read = Math.max(this.#read, version);
    for (const one of this.#ahead) {
      if (one <= this.#read) {
        this.#ahead.delete(one);
      }
    }
    this.#save();
  }

  #save(): void {
    if (!this.#fresh) {
      const value = [...this.#ahead];
      this.writer.record({ table: this.spec.name, key: "", version: this.#read, value });
    }
  }

  reset(): void {
    this.#fresh = true;
    this.#read = 0;
    this.#wanted = 0;
    this.#ahead.clear();
  }
}
