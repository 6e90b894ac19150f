import { jittered, sleep } from "./async";
import type { Connection } from "./part";
import type { Logger } from "./types";
import type { Writer } from "./writer";

/** Items in one answer. */
export const tablePage = 200;
/** Items of one table that are held; the server has the others. More than its own limits give. */
const maxItems = 20_000;
/** Wait after a reading that failed. */
const failedPause = 5_000;

/** What has changed since a version: one page of it. */
export interface TablePage<T> {
  items: T[];
  version: number;
  floor: number;
  more: boolean;
  startOver: boolean;
}

/** What is special about one table. */
export interface TableSpec<T> {
  /** Names it in the store. */
  name: string;
  key(item: T): string;
  /** Nothing is left of the item but its version. */
  over(item: T): boolean;
  read(connection: Connection, version: number, floor: number): Promise<TablePage<T>>;
  /** An item is another one now. */
  changed(item: T): void;
  /** All of it was read, for the first time or anew. */
  loaded(): void;
}

/**
 * Table holds what the server keeps for the account with versions, such as its
 * relations: a sync says up to which version there is something, reading brings what
 * came after the version that was reached, and pushes and answers bring single items
 * at any time. Of two states of an item the one with the larger version counts. It is
 * kept in the store, so that a page begins with what the one before knew.
 */
export class Table<T extends { version: number }> {
  readonly #held = new Map<string, T>();
  #version = 0;
  #site = 0;
  #reading: Promise<void> | undefined;
  #readingOn: Connection | undefined;

  constructor(
    private readonly spec: TableSpec<T>,
    private readonly writer: Writer,
    private readonly logger: Logger,
  ) {}

  /** Reached by reading. */
  get version(): number {
    return this.#version;
  }

  async load(): Promise<void> {
    const { name, key } = this.spec;
    for (const { value } of await this.writer.records(name)) {
      const item = value as T;
      this.#held.set(key(item), item);
    }
    const [cursor] = await this.writer.records(`${name} cursor`);
    this.#version = cursor?.version ?? 0;
  }

  get(key: string): T | undefined {
    const item = this.#held.get(key);
    return item && !this.spec.over(item) ? item : undefined;
  }

  all(): T[] {
    return [...this.#held.values()].filter((item) => !this.spec.over(item));
  }

  /** Takes an item of a push or an answer; false when it is known, or something newer is. */
  take(item: T): boolean {
    const { name, key, changed } = this.spec;
    const known = this.#held.get(key(item));
    if (item.version <= (known?.version ?? 0) || (!known && this.#held.size >= maxItems)) {
      return false;
    }
    this.#held.set(key(item), item);
    this.writer.record({ table: name, key: key(item), version: item.version, value: item });
    changed(item);
    return true;
  }

  /** A sync says that there is something up to version. Resolves when it is read, or cannot be for now. */
  async synced(version: number, connection: Connection): Promise<void> {
    this.#site = version;
    if (this.#version === version) {
      return;
    }
    if (!this.#reading || this.#readingOn !== connection) {
      this.#readingOn = connection;
      this.#reading = this.#readAll(connection);
    }
    await this.#reading;
  }

  /** The first attempt decides how long somebody waits; the further ones are nobody's. */
  async #readAll(connection: Connection): Promise<void> {
    if (await this.#read(connection)) {
      return;
    }
    void (async () => {
      while (await sleep(jittered(failedPause), connection.signal)) {
        if (await this.#read(connection)) {
          return;
        }
      }
    })();
  }

  /** Reads until nothing is missing; false when that failed. */
  async #read(connection: Connection): Promise<boolean> {
    try {
      while (this.#version !== this.#site) {
        this.#site = await this.#readPages(connection);
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

  async #readPages(connection: Connection): Promise<number> {
    let [version, floor] = [this.#version, 0];
    let all: Set<string> | undefined = version === 0 ? new Set() : undefined;
    for (;;) {
      const page = await this.spec.read(connection, version, floor);
      if (page.startOver) {
        all = new Set();
      } else if (page.more && page.version <= version) {
        throw new Error("the server's pages do not advance");
      }
      for (const item of page.items) {
        all?.add(this.spec.key(item));
        this.take(item);
      }
      if (!page.more) {
        this.#end(page.version, all);
        return page.version;
      }
      ({ version, floor } = page);
    }
  }

  /** Ends a reading that has come to version; all is what there is when everything was read. */
  #end(version: number, all: Set<string> | undefined): void {
    const { name, over, loaded } = this.spec;
    for (const [key, item] of this.#held) {
      // What is over and was known before cannot come back any more.
      const gone = all ? !all.has(key) && item.version <= version : over(item) && item.version <= this.#version;
      if (gone) {
        this.#held.delete(key);
        this.writer.drop(name, key, item.version);
      }
    }
    this.#version = version;
    this.writer.record({ table: `${name} cursor`, key: "", version, value: null });
    if (all) {
      loaded();
    }
  }

  reset(): void {
    this.#held.clear();
    this.#version = 0;
  }
}
