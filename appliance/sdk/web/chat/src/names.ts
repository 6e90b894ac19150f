import type { Client } from "../../src/index";

/** The most accounts that one request may ask for. */
const batch = 200;

/** Names of accounts, from their profiles. Until one is known, the account serves. */
export class Names {
  readonly #names = new Map<string, string>();
  readonly #wanted = new Set<string>();
  readonly #asked = new Set<string>();
  #client: Client;
  #changed: () => void;

  /** changed is called when names have come. */
  constructor(client: Client, changed: () => void) {
    this.#client = client;
    this.#changed = changed;
  }

  of(account: string): string {
    const name = this.#names.get(account);
    if (name === undefined && !this.#asked.has(account)) this.#want(account);
    return name || account;
  }

  /** Whether there is such an account; it throws when that cannot be known now. */
  async exists(account: string): Promise<boolean> {
    if (this.#client.state !== "connected") throw new Error("not connected");
    const [profile] = await this.#client.profiles([account]);
    if (profile) this.#names.set(profile.account, profile.name);
    return profile !== undefined;
  }

  #want(account: string): void {
    if (this.#wanted.size === 0) queueMicrotask(() => void this.#ask());
    this.#wanted.add(account);
  }

  async #ask(): Promise<void> {
    const accounts = [...this.#wanted].slice(0, batch);
    this.#wanted.clear();
    for (const account of accounts) this.#asked.add(account);
    try {
      for (const profile of await this.#client.profiles(accounts)) {
        this.#names.set(profile.account, profile.name);
      }
      this.#changed();
    } catch {
      // Offline: the next time that one is shown asks again.
      for (const account of accounts) this.#asked.delete(account);
    }
  }
}
