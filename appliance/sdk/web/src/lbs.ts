import { ConnectionError, ServerError } from "./errors";
import { int, type Json, object, objects, text } from "./protojson";
import type { ClientOptions, Logger } from "./types";
import { version } from "./version";

const askTimeout = 5_000;
const maxAnswer = 64 << 10;
const maxAddresses = 8;
const minTTL = 10_000;
const maxTTL = 24 * 3600_000;

/** Where to connect: origins such as https://im.example.com, the preferred first. */
export interface Location {
  origins: string[];
  expiresMs: number;
}

/** LBS cannot answer now and says when to come back. */
export class LBSBusyError extends ConnectionError {
  constructor(
    text: string,
    readonly retryAfterMs: number,
  ) {
    super(text);
  }
}

/** LBS refuses the question, and will refuse it again. */
export class LBSRefusedError extends ServerError {}

/** The part of localStorage that is needed. */
export interface Cache {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** Asks LBS (appliance/lbs) and remembers its answer. */
export class Locator {
  readonly #url: URL;
  readonly #key: string;
  #last: Location | undefined;
  #loaded = false;

  constructor(
    private readonly options: Pick<ClientOptions, "appKey" | "account" | "env" | "insecure">,
    lbs: string,
    platform: string,
    private readonly logger: Logger,
    private readonly cache: Cache | undefined,
    private readonly fetch: typeof globalThis.fetch = (...args) => globalThis.fetch(...args),
  ) {
    this.#url = new URL(lbs);
    const q = this.#url.searchParams;
    q.set("k", options.appKey);
    q.set("id", options.account);
    q.set("v", version);
    if (platform !== "unknown") {
      q.set("platform", platform);
    }
    q.set("transport", "weblink");
    if (options.env) {
      q.set("env", options.env);
    }
    this.#key = `yizhan.lbs ${lbs} ${options.appKey} ${options.env ?? ""}`;
  }

  /**
   * The last answer until it expires, then (or when fresh is set) a new one.
   * When LBS cannot answer, the last answer serves on, however old.
   */
  async locate(fresh: boolean): Promise<Location> {
    this.#load();
    if (this.#last && !fresh && Date.now() < this.#last.expiresMs) {
      return this.#last;
    }
    try {
      const answer = await this.#ask();
      const origins = this.#origins(answer);
      const ttl = Math.min(Math.max(int(answer.ttl) * 1000, minTTL), maxTTL);
      this.#last = { origins, expiresMs: Date.now() + ttl };
      this.#save();
      return this.#last;
    } catch (err) {
      if (this.#last) {
        this.logger.warn("LBS does not answer; its last answer serves on", { error: String(err) });
        return this.#last;
      }
      throw err;
    }
  }

  async #ask(): Promise<Json> {
    let response: Response;
    let body: string;
    try {
      response = await this.fetch(this.#url, {
        signal: AbortSignal.timeout(askTimeout),
        credentials: "omit",
        cache: "no-store",
      });
      body = await response.text();
    } catch (err) {
      throw new ConnectionError("LBS cannot be reached", { cause: err });
    }
    if (body.length > maxAnswer) {
      throw new ConnectionError(`LBS's answer is longer than ${maxAnswer} bytes`);
    }
    let answer: Json;
    try {
      answer = object(JSON.parse(body));
    } catch {
      answer = {}; // from a proxy on the way
    }
    const code = int(answer.code);
    if (response.status === 200 && code === 200) {
      return answer;
    }
    if (code === 404 || code === 414) {
      throw new LBSRefusedError(code, `LBS: ${text(answer.desc)}`);
    }
    throw new LBSBusyError(
      `LBS: http status ${response.status}${code ? `, code ${code}: ${text(answer.desc)}` : ", not an answer of LBS"}`,
      retryAfter(response.headers.get("Retry-After")),
    );
  }

  #origins(answer: Json): string[] {
    const scheme = this.options.insecure ? "http" : "https";
    const origins: string[] = [];
    for (const point of objects(answer.access_points)) {
      const address = text(point.address);
      if (point.transport !== "weblink" || origins.length === maxAddresses) {
        continue;
      }
      if (!/^(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@[\]]+):\d{1,5}$/.test(address)) {
        throw new ConnectionError(`LBS: access point ${JSON.stringify(address)} is not host:port`);
      }
      origins.push(`${scheme}://${address}`);
    }
    if (origins.length === 0) {
      throw new ConnectionError("LBS names no access point of transport weblink");
    }
    return origins;
  }

  #load(): void {
    if (this.#loaded) {
      return;
    }
    this.#loaded = true;
    try {
      const kept = object(JSON.parse(this.cache?.getItem(this.#key) ?? "null"));
      const origins = Array.isArray(kept.origins) ? kept.origins.filter((o) => typeof o === "string") : [];
      if (origins.length > 0) {
        // A clock that was set back must not make an answer live for ever.
        const expiresMs = int(kept.expiresMs);
        this.#last = { origins, expiresMs: expiresMs > Date.now() + maxTTL ? 0 : expiresMs };
      }
    } catch (err) {
      this.logger.warn("ignoring the kept answer of LBS", { error: String(err) });
    }
  }

  #save(): void {
    try {
      this.cache?.setItem(this.#key, JSON.stringify(this.#last));
    } catch (err) {
      this.logger.warn("cannot keep LBS's answer", { error: String(err) });
    }
  }
}

/** Retry-After in ms, in either form (RFC 9110 §10.2.3); 0 when there is none. */
export function retryAfter(value: string | null): number {
  if (!value) {
    return 0;
  }
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(ms, 0) : 0;
}
