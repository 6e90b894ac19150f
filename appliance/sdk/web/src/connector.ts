import { sleep } from "./async";
import { Backoff } from "./backoff";
import type { Calls } from "./calls";
import { ClosedError, ConnectionError, KickedError, ServerError, toError } from "./errors";
import { LBSBusyError } from "./lbs";
import { Link } from "./link";
import type { Settings } from "./settings";
import type { Login, StateChange } from "./types";
import { version } from "./version";
import { ClosePush, GoAwayPush, KickedPush, LoginRequest } from "./wire.gen";

/** How long a connection must have lived for the next pause to be short again. */
const stableAfter = 30_000;
/** How long a server may ask a client to stay away. */
const maxGoAway = 5 * 60_000;

/** What the connector drives. */
export interface Passenger {
  state(change: StateChange): void;
  push(name: string, body: unknown): void;
  /** The link is logged in; signal ends with it. Returns when everything for this link is over. */
  serve(link: Link, login: Login, signal: AbortSignal): void;
}

/**
 * Connector keeps one link alive: it asks LBS, logs in, waits and comes back,
 * until it is closed, kicked or refused. It tells Calls which link there is.
 */
export class Connector {
  #wake: (() => void) | undefined; // cuts the pause short
  #current: Link | undefined; // being dialled or in use
  #leaveAt = 0; // when the server wants us to move; 0: it does not
  #failures = 0; // access points in a row that did not take us
  readonly #closing = new AbortController();
  readonly #backoff: Backoff;

  constructor(
    private readonly s: Settings,
    private readonly calls: Calls,
    private readonly passenger: Passenger,
  ) {
    this.#backoff = new Backoff(s.minBackoffMs, s.maxBackoffMs);
  }

  /** Connects again and again; returns when it is over for good. */
  async run(): Promise<void> {
    let fresh = false; // ask LBS even if its last answer has not expired
    while (!this.calls.final) {
      this.passenger.state({ state: "connecting" });
      const begin = Date.now();
      let leaveAt = 0;
      let reason: Error;
      try {
        const { link, login } = await this.#connect(fresh);
        ({ leaveAt, reason } = await this.#serve(link, login));
        if (Date.now() - begin >= stableAfter) {
          this.#backoff.reset();
        }
        fresh = leaveAt > 0;
      } catch (err) {
        reason = toError(err);
        fresh = true;
      }
      if (this.calls.final) {
        break;
      }
      if (isFinal(reason)) {
        this.#end(reason);
        this.passenger.state({ state: reason instanceof KickedError ? "kicked" : "refused", error: reason });
        return;
      }
      await this.#pause(reason, leaveAt);
    }
  }

  async #pause(reason: Error, leaveAt: number): Promise<void> {
    let wait: number;
    let wakeable = false;
    if (leaveAt > 0) {
      this.#backoff.reset();
      wait = Math.max(leaveAt - Date.now(), 0); // its turn, chosen by the server
    } else {
      const asked =
        reason instanceof LBSBusyError || reason instanceof ServerError
          ? Math.min(reason.retryAfterMs, this.s.maxBackoffMs)
          : 0;
      wait = Math.max(this.#backoff.next(), asked);
      wakeable = asked === 0;
    }
    this.calls.left(reason);
    this.s.logger.info("offline", { error: String(reason), retryInMs: Math.round(wait) });
    this.passenger.state({ state: "waiting", error: reason, retryInMs: Math.round(wait) });
    const enough = new AbortController();
    if (wakeable) {
      this.#wake = () => enough.abort();
    }
    await sleep(wait, enough.signal, this.#closing.signal);
    this.#wake = undefined;
  }

  /** The network is back, or the user looks at the page: do not wait any longer. */
  wake(): void {
    this.#wake?.();
  }

  async #connect(fresh: boolean): Promise<{ link: Link; login: Login }> {
    const origins = this.s.locator ? (await this.s.locator.locate(fresh)).origins : [this.s.endpoint];
    let problem: Error = new ConnectionError("nowhere to connect to");
    for (const origin of origins) {
      if (this.calls.final) {
        throw this.calls.final;
      }
      try {
        return await this.#logIn(origin);
      } catch (err) {
        problem = toError(err);
        if (isFinal(problem)) {
          throw problem;
        }
        this.#failures++;
        this.s.logger.info("an access point does not take us", { origin, error: String(problem) });
      }
    }
    throw problem;
  }

  async #logIn(origin: string): Promise<{ link: Link; login: Login }> {
    const auth = LoginRequest.init({
      appKey: this.s.appKey,
      account: this.s.account,
      token: await this.s.token(),
      deviceId: this.s.device.id,
      platform: this.s.platform,
      sdkVersion: version,
      customTag: this.s.customTag || undefined,
    });
    if (this.calls.final) {
      throw this.calls.final; // closed meanwhile
    }
    // Where WebSockets hang, as behind some proxies, no error leads to polling:
    // every other attempt begins with the last transport.
    const transports = this.#failures % 2 === 0 ? this.s.transports : [...this.s.transports].reverse();
    const options = { path: this.s.path, transports, auth, connectTimeoutMs: this.s.connectTimeoutMs };
    const link = new Link(origin, options, (name, body) => this.#push(link, name, body));
    this.#current = link;
    this.#leaveAt = 0;
    const login = await link.login;
    this.#failures = 0;
    return { link, login };
  }

  async #serve(link: Link, login: Login): Promise<{ leaveAt: number; reason: Error }> {
    this.s.logger.info("logged in", { session: login.sessionId });
    const over = new AbortController();
    this.passenger.state({ state: "syncing" });
    this.passenger.serve(link, login, over.signal);
    this.calls.arrived(link);
    const reason = await link.ended;
    this.calls.left(reason);
    over.abort();
    return { leaveAt: this.#leaveAt, reason };
  }

  #push(link: Link, name: string, body: unknown): void {
    if (name === "kicked") {
      const event = KickedPush.read(body);
      const bySameBrowser = this.s.device.browser !== "" && event.byDevice.startsWith(this.s.device.browser);
      link.close(new KickedError({ ...event, bySameBrowser }));
    } else if (name === "go_away") {
      this.#goAway(link, Math.min(GoAwayPush.read(body).delayMs, maxGoAway));
    } else if (name === "close") {
      const { code, note } = ClosePush.read(body);
      link.close(new ConnectionError(`the server closes the connection: code ${code} ${note}`));
    } else {
      this.passenger.push(name, body);
    }
  }

  /** The node is about to stop: its connection serves until our turn to move. */
  #goAway(link: Link, delayMs: number): void {
    if (this.#leaveAt > 0 || link !== this.#current) {
      return;
    }
    this.s.logger.info("the node is about to stop", { movingInMs: delayMs });
    this.#leaveAt = Date.now() + delayMs;
    const gone = new AbortController();
    void link.ended.then(() => gone.abort());
    void sleep(delayMs, gone.signal).then(() => link.close(new ConnectionError("the node is about to stop")));
  }

  /** Ends it for good. */
  close(reason: Error = new ClosedError()): void {
    if (!this.calls.final) {
      this.#end(reason);
    }
  }

  #end(reason: Error): void {
    this.calls.end(reason);
    this.#closing.abort();
    this.#current?.close(reason);
  }
}

/** Whether err forbids to come back by itself. */
function isFinal(err: Error): boolean {
  return err instanceof KickedError || (err instanceof ServerError && !err.temporary);
}
