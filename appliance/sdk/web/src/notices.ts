import { newId } from "./async";
import { type Client, coreOf } from "./client";
import type { Init } from "./codec";
import type { Core } from "./core";
import { Emitter } from "./emitter";
import { keyOf } from "./key";
import type { Connection, Part } from "./part";
import { Stream } from "./stream";
import * as wire from "./wire.gen";

const pageSize = 200;
const requestTimeout = 20_000;

export interface NoticesEvents {
  /** Another account, or the backend in its name, tells this account or one of its teams something of the app's own. */
  notification: [notification: wire.Notification];
  /** The tenant's backend tells all accounts something. */
  broadcast: [broadcast: wire.Broadcast];
}

/** What to send with notify. */
export interface NotifyOptions {
  /** Nothing is kept of it; who is offline never learns of it. */
  onlineOnly?: boolean;
  options?: Init<wire.NotifyOptions>;
  /** The sender's own id, 1 to 63 bytes, which makes the call repeatable within a week; one is made if it is missing. */
  clientId?: string;
}

/**
 * Notifications and broadcasts: no messages, and in no conversation. Those that are kept
 * come exactly once to this browser, in no certain order; those for who is online at most once.
 */
export class Notices extends Emitter<NoticesEvents> implements Part {
  readonly #core: Core;
  readonly #notifications: Stream<wire.Notification>;
  readonly #broadcasts: Stream<wire.Broadcast>;

  /** Make it before the client loads or connects. */
  constructor(client: Client) {
    super();
    const core = coreOf(client);
    const { writer, settings } = core;
    this.#core = core;
    this.#notifications = new Stream(
      {
        name: "notifications",
        read: (connection, version, fresh) => this.#readNotifications(connection, version, fresh),
        deliver: (n) => this.emit("notification", n),
      },
      writer,
      settings.logger,
    );
    this.#broadcasts = new Stream(
      {
        name: "broadcasts",
        read: (connection, version, fresh) => this.#readBroadcasts(connection, version, fresh),
        deliver: (b) => this.emit("broadcast", b),
      },
      writer,
      settings.logger,
    );
    core.attach(this);
    core.onPush(wire.notificationPush, ({ notification: n }) => {
      if (n?.onlineOnly) {
        this.emit("notification", n);
      } else if (n) {
        this.#notifications.pushed(n);
      }
    });
    core.onPush(wire.broadcastPush, ({ broadcast: b, version }) => {
      if (!b) {
        void this.#broadcasts.want(version); // there were too many to push
      } else if (b.offline) {
        this.#broadcasts.pushed(b);
      } else {
        this.emit("broadcast", b);
      }
    });
  }

  /** Tells an account something: attach is the app's own, 1 to 4096 characters. */
  notify(account: string, attach: string, options: NotifyOptions = {}): Promise<wire.NotifyResponse> {
    return this.#notify("p2p", account, attach, options);
  }

  /** Tells the members of a team something. */
  notifyTeam(team: string, attach: string, options: NotifyOptions = {}): Promise<wire.NotifyResponse> {
    return this.#notify("team", team, attach, options);
  }

  #notify(scene: wire.Scene, to: string, attach: string, o: NotifyOptions): Promise<wire.NotifyResponse> {
    const { peer } = keyOf(scene, to);
    const request = { scene, to: peer, attach, ...o, clientId: o.clientId ?? newId() };
    return this.#core.calls.call(wire.notify, request);
  }

  async #readNotifications({ link, signal }: Connection, version: number, fresh: boolean) {
    const request = { version, fresh, limit: pageSize };
    const until = Date.now() + requestTimeout;
    const answer = await this.#core.calls.request(link, wire.notifications, request, until, signal);
    return { ...answer, items: answer.notifications };
  }

  async #readBroadcasts({ link, signal }: Connection, version: number, fresh: boolean) {
    const request = { version, fresh, limit: pageSize };
    const until = Date.now() + requestTimeout;
    const answer = await this.#core.calls.request(link, wire.broadcasts, request, until, signal);
    return { ...answer, items: answer.broadcasts };
  }

  /** @internal */
  async load(): Promise<void> {
    await Promise.all([this.#notifications.load(), this.#broadcasts.load()]);
  }

  /** @internal */
  async synced(last: wire.SyncResponse, connection: Connection): Promise<void> {
    await Promise.all([
      this.#notifications.synced(last.notificationsVersion, last.version, connection),
      this.#broadcasts.synced(last.broadcastsVersion, last.version, connection),
    ]);
  }

  /** @internal Acknowledging makes other new devices leave out what is not here yet. */
  holds(version: number): boolean {
    return this.#notifications.holds(version) && this.#broadcasts.holds(version);
  }

  /** @internal */
  reset(): void {
    this.#notifications.reset();
    this.#broadcasts.reset();
  }
}
