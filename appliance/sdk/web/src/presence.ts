import { type Client, coreOf } from "./client";
import type { Core } from "./core";
import { Emitter } from "./emitter";
import type { Connection, Part } from "./part";
import * as wire from "./wire.gen";

const requestTimeout = 20_000;
const pageSize = 200;
/** Presences that are remembered: of the accounts that this one follows, 3000 at most. */
const maxKnown = 5_000;

export interface PresenceEvents {
  /** An account that this one follows has come, gone or changed its state. */
  change: [presence: wire.Presence];
  /** The subscriptions were read, after a login: known has what is known of each. */
  loaded: [];
  /** Another device, or the backend, has changed the subscriptions. */
  subscriptions: [change: wire.PresenceSubscriptionsPush];
}

/**
 * Who is online. Subscriptions belong to the account and last; what is known of the
 * accounts is of this connection only.
 */
export class Presence extends Emitter<PresenceEvents> implements Part {
  readonly #core: Core;
  readonly #known = new Map<string, wire.Presence>();
  #state: Parameters<Presence["set"]> | undefined;

  /** Make it before the client loads or connects. */
  constructor(client: Client) {
    super();
    this.#core = coreOf(client);
    this.#core.attach(this);
    this.#core.onPush(wire.presencePush, ({ presence }) => this.#took(presence));
    this.#core.onPush(wire.presenceSubscriptionsPush, (change) => {
      for (const account of change.removed) {
        this.#known.delete(account);
      }
      this.emit("subscriptions", change);
    });
  }

  /** What is known of an account that this one follows; undefined while nothing is, as when offline. */
  known(account: string): wire.Presence | undefined {
    return this.#known.get(account.toLowerCase());
  }

  /** Where up to 200 accounts are online, and those that do not exist or whose status is not shown. */
  status(accounts: string[]): Promise<wire.OnlineStatusResponse> {
    return this.#core.calls.call(wire.onlineStatus, { accounts });
  }

  /** What others see of this device beside that it is online: the app's own number and up to 64 characters. */
  async set(state: number, text = ""): Promise<void> {
    this.#state = [state, text];
    await this.#core.calls.call(wire.setPresence, { state, text });
  }

  /** Follows up to 100 accounts, for seconds (default 7 days, 30 at most). failed are those it may or can not. */
  async subscribe(accounts: string[], seconds = 0): Promise<wire.SubscribePresenceResponse> {
    const answer = await this.#core.calls.call(wire.subscribePresence, { accounts, ttlSeconds: seconds });
    for (const presence of answer.presences) {
      this.#took(presence);
    }
    return answer;
  }

  /** Ends following up to 100 accounts; failed were not followed. */
  async unsubscribe(accounts: string[]): Promise<string[]> {
    const { failed } = await this.#core.calls.call(wire.unsubscribePresence, { accounts });
    for (const account of accounts) {
      this.#known.delete(account.toLowerCase());
    }
    return failed;
  }

  /** Ends all subscriptions. */
  async unsubscribeAll(): Promise<void> {
    await this.#core.calls.call(wire.unsubscribePresence, { all: true });
    this.#known.clear();
  }

  /** The page of subscriptions behind the account after, with the presence of each. */
  subscriptions(after = "", limit = pageSize): Promise<wire.PresenceSubscriptionsResponse> {
    return this.#core.calls.call(wire.presenceSubscriptions, { after, limit });
  }

  #took(presence: wire.Presence | undefined): void {
    if (!presence) {
      return;
    }
    const known = this.#known.get(presence.account);
    if (presence.timeMs <= (known?.timeMs ?? 0) || (!known && this.#known.size >= maxKnown)) {
      return;
    }
    this.#known.set(presence.account, presence);
    if (JSON.stringify(known?.devices) !== JSON.stringify(presence.devices)) {
      this.emit("change", presence);
    }
  }

  /** @internal Another session begins: it says again what others are to see. */
  connected({ link, signal }: Connection): void {
    if (this.#state) {
      const [state, text] = this.#state;
      const request = { state, text: text ?? "" };
      this.#core.calls
        .request(link, wire.setPresence, request, Date.now() + requestTimeout, signal)
        .catch((err) => this.#core.settings.logger.warn("setting the presence failed", { error: String(err) }));
    }
  }

  /** @internal */
  disconnected(): void {
    this.#known.clear(); // pushes are missed from now on
  }

  /** @internal */
  async synced({ subscriptionsVersion }: wire.SyncResponse, { link, signal }: Connection): Promise<void> {
    if (subscriptionsVersion === 0) {
      return;
    }
    try {
      for (let after = "", more = true; more; ) {
        const until = Date.now() + requestTimeout;
        const request = { after, limit: pageSize };
        const page = await this.#core.calls.request(link, wire.presenceSubscriptions, request, until, signal);
        for (const { presence } of page.subscriptions) {
          this.#took(presence);
        }
        after = page.subscriptions.at(-1)?.account ?? "";
        more = page.more && after !== "";
      }
      this.emit("loaded");
    } catch (err) {
      if (!signal.aborted) {
        this.#core.settings.logger.warn("reading subscriptions failed", { error: String(err) });
      }
    }
  }

  /** @internal */
  reset(): void {
    this.#known.clear();
  }
}
