import type { Conversation } from "./conversation";
import { Core } from "./core";
import { Emitter } from "./emitter";
import { UsageError } from "./errors";
import type { ClientEvents } from "./events";
import { objects } from "./protojson";
import type { Rooms } from "./rooms";
import { settings } from "./settings";
import type { ClientOptions, ConversationInfo, Login, Profile, ProfileChange, State } from "./types";
import { profile } from "./wire";

/** One account on one device. See README.md for what it guarantees. */
export class Client extends Emitter<ClientEvents> {
  readonly #core: Core;

  /** Throws a UsageError when an option is missing or malformed. */
  constructor(options: ClientOptions) {
    super();
    this.#core = new Core(settings(options), (name, ...args) => this.emit(name, ...args));
  }

  /** The account, in lower case as the server keeps it. */
  get account(): string {
    return this.#core.settings.account;
  }

  get state(): State {
    return this.#core.current;
  }

  /** The server's answer to the latest login. */
  get login(): Login | undefined {
    return this.#core.login;
  }

  get rooms(): Rooms {
    return this.#core.rooms;
  }

  /** Reads what this browser remembers, so that it can be shown before there is a connection. */
  load(): Promise<void> {
    return this.#core.load();
  }

  /**
   * Connects, and from then on again whenever the connection is lost. It resolves
   * when everything missed has been delivered for the first time, and rejects
   * when the client is kicked, refused or closed before that.
   */
  connect(): Promise<void> {
    return this.#core.connect();
  }

  /** Ends the client for good; what it knows stays in the store. Resolves when the store is written. */
  close(): Promise<void> {
    return this.#core.close();
  }

  /** Ends the session at the server and the client, and deletes what this browser keeps unless keepData is set. */
  logout(options: { keepData?: boolean } = {}): Promise<void> {
    return this.#core.logout(!options.keepData);
  }

  /** All conversations that are known here, the latest change first. */
  conversations(): ConversationInfo[] {
    return this.#core.feed.list();
  }

  /** The conversation with peer, which need not exist yet; the same object for the same peer. */
  open(peer: string): Conversation {
    if (!/^[A-Za-z0-9_@.-]{1,32}$/.test(peer)) {
      throw new UsageError("an account is 1 to 32 letters, digits, _ @ . or -");
    }
    return this.#core.feed.open(peer.toLowerCase());
  }

  /** Profiles of at most 200 accounts; unknown ones are left out. */
  async profiles(accounts: string[]): Promise<Profile[]> {
    const answer = await this.#core.calls.call("profiles", { accounts });
    return objects(answer.profiles).map(profile);
  }

  /** Changes those fields of this account's profile that are given. */
  async updateProfile(change: ProfileChange): Promise<void> {
    await this.#core.calls.call("update_profile", { ...change });
  }

  /** Ends other sessions of this account; login.others lists those at the time of the login. */
  async kick(sessionIds: string[]): Promise<void> {
    await this.#core.calls.call("kick", { sessionIds });
  }
}
