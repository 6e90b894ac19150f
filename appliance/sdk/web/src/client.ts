import type { Init } from "./codec";
import type { Conversation } from "./conversation";
import { Core } from "./core";
import { Emitter } from "./emitter";
import { UsageError } from "./errors";
import type { ClientEvents } from "./events";
import { keyOf } from "./key";
import type { Rooms } from "./rooms";
import { settings } from "./settings";
import type { ClientOptions, ConversationInfo, Login, Profile, ProfileChange, State } from "./types";
import * as wire from "./wire.gen";

/** Those whose core coreOf gives. */
const cores = new WeakMap<Client, Core>();

/** What a module that is made with a client builds on. Not for apps. */
export function coreOf(client: Client): Core {
  const core = cores.get(client);
  if (!core) {
    throw new UsageError("this is no Client");
  }
  return core;
}

/** One account on one device. See README.md for what it guarantees. */
export class Client extends Emitter<ClientEvents> {
  readonly #core: Core;

  /** Throws a UsageError when an option is missing or malformed. */
  constructor(options: ClientOptions) {
    super();
    this.#core = new Core(settings(options), (name, ...args) => this.emit(name, ...args));
    cores.set(this, this.#core);
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

  /** The list of conversations: top ones first, then the others, each the latest change first. */
  conversations(): ConversationInfo[] {
    return this.#core.feed.list();
  }

  /** The conversation with peer, which need not exist yet; the same object for the same peer. */
  open(peer: string): Conversation {
    if (!/^[A-Za-z0-9_@.-]{1,32}$/.test(peer)) {
      throw new UsageError("an account is 1 to 32 letters, digits, _ @ . or -");
    }
    return this.#core.feed.open(keyOf("p2p", peer.toLowerCase()));
  }

  /** The conversation of the team with this number; the same object for the same team. */
  openTeam(team: string): Conversation {
    if (!/^[0-9]{1,20}$/.test(team)) {
      throw new UsageError("a team is a decimal number");
    }
    return this.#core.feed.open(keyOf("team", team));
  }

  /** Profiles of at most 200 accounts; unknown ones are left out. */
  async profiles(accounts: string[]): Promise<Profile[]> {
    return (await this.#core.calls.call(wire.profiles, { accounts })).profiles;
  }

  /** Changes those fields of this account's profile that are given. */
  async updateProfile(change: ProfileChange): Promise<void> {
    await this.#core.calls.call(wire.updateProfile, change);
  }

  /** Ends other sessions of this account; login.others lists those at the time of the login. */
  async kick(sessionIds: string[]): Promise<void> {
    await this.#core.calls.call(wire.kick, { sessionIds });
  }

  /** What is unread in all conversations of the list, as the server counts it: for a badge. */
  unread(): Promise<wire.UnreadResponse> {
    return this.#core.calls.call(wire.unread, {});
  }

  /** Reads all conversations to their end. */
  readAll(): Promise<void> {
    return this.#core.arrangement.readAll();
  }

  /** When this account's sleeping devices are not woken by a push. */
  get doNotDisturb(): wire.DoNotDisturb {
    return this.#core.arrangement.doNotDisturb;
  }

  /** Changes what is given of doNotDisturb. */
  setDoNotDisturb(change: Init<wire.SetDoNotDisturbRequest>): Promise<void> {
    return this.#core.arrangement.setDoNotDisturb(change);
  }

  /** The page of logins, logouts and refused logins of this account after next of the page before, the newest first. */
  loginHistory(after = "", limit = 100): Promise<wire.LoginHistoryResponse> {
    return this.#core.calls.call(wire.loginHistory, { after, limit });
  }
}
