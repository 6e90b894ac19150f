import { jittered, sleep } from "./async";
import { Backoff } from "./backoff";
import { ClosedError, Code, ConnectionError, KickedError, ServerError, TimeoutError, toError } from "./errors";
import { LBSBusyError } from "./lbs";
import { Link } from "./link";
import { int, type Json, object, platformName } from "./protojson";
import type { Settings } from "./settings";
import type { Login, StateChange } from "./types";
import { version } from "./version";
import { kicked } from "./wire";

/** How long a connection must have lived for the next pause to be short again. */
const stableAfter = 30_000;
/** How long a server may ask a client to stay away. */
const maxGoAway = 5 * 60_000;
/** Pause before a call that was refused as too early, when the server names none. */
const busyPause = 1_000;
/** How long a request of one link may take before the link counts as dead. */
const answerTimeout = 30_000;

/** What the connector drives. */
export interface Passenger {
  state(change: StateChange): void;
  push(name: string, body: unknown): void;
  /** The link is logged in; signal ends with it. Returns when everything for this link is over. */
  serve(link: Link, login: Login, signal: AbortSignal): void;
}

export interface CallOptions {
  timeoutMs?: number;
  /** Do not make the call again when the connection breaks. */
  once?: boolean;
  signal?: AbortSignal;
}

/**
 * Connector keeps one link alive: it asks LBS, logs in, waits and comes back,
 * until it is closed, kicked or refused. Calls wait for the link and are made
 * again on the next one.
 */
export class Connector {
  #link: Link | undefined; // logged in
  #arrived = newLatch(); // resolved while #link is there or the end has come
  #lastError: Error | undefined;
  #final: Error | undefined; // why nothing will connect any more
  #wake: (() => void) | undefined; // cuts the pause short
  #current: Link | undefined; // being dialled or in use
  readonly #closing = new AbortController();
  readonly #backoff: Backoff;

  constructor(
    private readonly s: Settings,
    private readonly passenger: Passenger,
  ) {
    this.#backoff = new Backoff(s.minBackoffMs, s.maxBackoffMs);
  }

  /** Connects again and again; returns when it is over for good. */
  async run(): Promise<void> {
    let fresh = false; // ask LBS even if its last answer has not expired
    while (!this.#final) {
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
      if (this.#final) {
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

  /** Whether a link is logged in. */
  get connected(): boolean {
    return this.#link !== undefined;
  }

  /** Why nothing will connect any more. */
  get final(): Error | undefined {
    return this.#final;
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
    this.#lastError = reason;
    this.s.logger.info("offline", { error: String(reason), retryInMs: Math.round(wait) });
    this.passenger.state({ state: "waiting", error: reason, retryInMs: Math.round(wait) });
    const enough = new AbortController();
    if (wakeable) {
      this.#wake = () => enough.abort();
    }
    await sleep(wait, AbortSignal.any([enough.signal, this.#closing.signal]));
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
      if (this.#final) {
        throw this.#final;
      }
      try {
        return await this.#logIn(origin);
      } catch (err) {
        problem = toError(err);
        if (isFinal(problem)) {
          throw problem;
        }
        this.s.logger.info("an access point does not take us", { origin, error: String(problem) });
      }
    }
    throw problem;
  }

  async #logIn(origin: string): Promise<{ link: Link; login: Login }> {
    const auth: Json = {
      appKey: this.s.appKey,
      account: this.s.account,
      token: await this.s.token(),
      deviceId: this.s.device.id,
      platform: platformName(this.s.platform),
      sdkVersion: version,
    };
    if (this.s.customTag) {
      auth.customTag = this.s.customTag;
    }
    if (this.#final) {
      throw this.#final; // closed meanwhile
    }
    const link = new Link(origin, { path: this.s.path, transports: this.s.transports, auth }, (name, body) =>
      this.#push(link, name, body),
    );
    this.#current = link;
    return { link, login: await link.login };
  }

  #leaveAt = 0;

  async #serve(link: Link, login: Login): Promise<{ leaveAt: number; reason: Error }> {
    this.s.logger.info("logged in", { session: login.sessionId });
    const over = new AbortController();
    this.#leaveAt = 0;
    this.#link = link;
    this.passenger.state({ state: "syncing" });
    this.passenger.serve(link, login, over.signal);
    this.#arrived.resolve();
    const reason = await link.ended;
    if (this.#link === link) {
      this.#link = undefined;
      if (!this.#final) {
        this.#arrived = newLatch();
      }
    }
    over.abort();
    return { leaveAt: this.#leaveAt, reason };
  }

  #push(link: Link, name: string, body: unknown): void {
    if (name === "kicked") {
      const event = kicked(body);
      const bySameBrowser = this.s.device.browser !== "" && event.byDevice.startsWith(this.s.device.browser);
      link.close(new KickedError({ ...event, bySameBrowser }));
    } else if (name === "go_away") {
      this.#goAway(link, Math.min(int(object(body).delayMs), maxGoAway));
    } else if (name === "close") {
      const { code, note } = object(body);
      link.close(new ConnectionError(`the server closes the connection: code ${int(code)} ${String(note ?? "")}`));
    } else {
      this.passenger.push(name, body);
    }
  }

  /** The node is about to stop: its connection serves until our turn to move. */
  #goAway(link: Link, delayMs: number): void {
    if (this.#leaveAt > 0 || link !== this.#link) {
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
    if (!this.#final) {
      this.#end(reason);
    }
  }

  #end(reason: Error): void {
    this.#final = reason;
    this.#closing.abort();
    this.#current?.close(reason);
    this.#arrived.resolve();
  }

  /**
   * Makes a call, on the next connection when there is none or it breaks. Too
   * fast (416) and busy (503) are not errors while there is time.
   */
  async call(command: string, body: Json, options: CallOptions = {}): Promise<Json> {
    const until = Date.now() + (options.timeoutMs ?? this.s.callTimeoutMs);
    const signal = options.signal ? AbortSignal.any([options.signal, this.#closing.signal]) : this.#closing.signal;
    for (;;) {
      const link = await this.#waitLink(command, until, signal);
      try {
        return await this.request(link, command, body, until, signal);
      } catch (err) {
        if (link.reason !== err || options.once) {
          throw err; // its answer, or no time left
        }
      }
    }
  }

  /** Makes a call on this link only. */
  async request(link: Link, command: string, body: Json, until: number, signal: AbortSignal): Promise<Json> {
    for (;;) {
      const left = until - Date.now();
      try {
        return await link.call(command, body, Math.min(left, answerTimeout));
      } catch (err) {
        if (err instanceof TimeoutError && left > answerTimeout) {
          // Nobody answers although the connection seems to be there.
          link.close(new ConnectionError(`no answer to ${command} in ${answerTimeout / 1000} s`));
          throw link.reason ?? err;
        }
        if (!(err instanceof ServerError) || (err.code !== Code.Busy && err.code !== Code.RateLimited)) {
          throw err;
        }
        const pause = Math.max(err.retryAfterMs, busyPause / 4) + jittered(busyPause / 4);
        if (Date.now() + pause >= until || !(await sleep(pause, signal))) {
          throw this.#final ?? err;
        }
        if (link.reason) {
          throw link.reason;
        }
      }
    }
  }

  async #waitLink(command: string, until: number, signal: AbortSignal): Promise<Link> {
    while (!this.#link) {
      if (this.#final) {
        throw this.#final;
      }
      const enough = new AbortController();
      const over = AbortSignal.any([enough.signal, signal]);
      const timedOut = await Promise.race([sleep(until - Date.now(), over), this.#arrived.promise]);
      enough.abort();
      if (this.#final) {
        throw this.#final;
      }
      if (signal.aborted) {
        throw new ClosedError(`${command}: given up`);
      }
      if (timedOut === true) {
        throw new TimeoutError(`${command}: not connected in time`, { cause: this.#lastError });
      }
    }
    return this.#link;
  }
}

/** Whether err forbids to come back by itself. */
function isFinal(err: Error): boolean {
  return err instanceof KickedError || (err instanceof ServerError && !err.temporary);
}

interface Latch {
  promise: Promise<undefined>;
  resolve(): void;
}

function newLatch(): Latch {
  let resolve!: () => void;
  const promise = new Promise<undefined>((r) => {
    resolve = () => r(undefined);
  });
  return { promise, resolve };
}
