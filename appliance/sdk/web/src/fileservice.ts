import { sleep } from "./async";
import { Backoff } from "./backoff";
import { ClosedError, toError } from "./errors";
import { int, type Json, object, text } from "./protojson";

/** A grant is asked for anew so long before it expires. */
const grantMargin = 30_000;
/** How long an answer may take, besides the content. */
const answerTimeout = 60_000;

/** The refusal of the service for files. */
export class FileError extends Error {
  override readonly name = "FileError";
  constructor(
    /** Of HTTP. */
    readonly status: number,
    /** One of the protocol's codes; 0 when there is none. */
    readonly code: number,
    /** Such as "too_large": see appliance/files. */
    readonly reason: string,
    readonly note: string,
  ) {
    super(`status ${status} ${reason}: ${note}`);
  }

  /** Whether the same request may succeed later: an overload, a stop, a conflict with an own request. */
  get temporary(): boolean {
    switch (this.status) {
      case 408:
      case 409:
      case 423:
      case 429:
        return this.reason !== "daily_quota";
      case 501:
      case 507:
        return false;
    }
    return this.status >= 500 || this.reason === "truncated";
  }
}

/** Who asks. */
export interface Credentials {
  appKey: string;
  account: string;
  token: () => Promise<string>;
}

export interface Answer {
  status: number;
  headers: Headers;
  json: Json;
}

export interface FileRequest {
  method: string;
  headers?: Record<string, string>;
  body?: Blob | string;
  signal?: AbortSignal | undefined;
  /** For content, which takes as long as it takes: no timeout but that of the server. */
  patient?: boolean;
}

/** Requests to the service for files of one site. */
export class FileService {
  #grant = "";
  #expires = 0;
  readonly #over = new AbortController();

  constructor(
    readonly url: string,
    private readonly who: Credentials,
    private readonly backoff: { minBackoffMs: number; maxBackoffMs: number },
    private readonly fetch: typeof globalThis.fetch,
  ) {}

  /** Whether an address is of this site: others come from other users, and get no request and no grant. */
  owns(url: string): boolean {
    return url.startsWith(`${this.url}/files/`);
  }

  /** The client has ended for good. */
  close(): void {
    this.#over.abort();
  }

  /**
   * Makes attempt until it succeeds or is refused for good. It tells by calling its
   * argument that it came further: then pauses begin short again.
   */
  async persist<T>(attempt: (advanced: () => void) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const pauses = new Backoff(this.backoff.minBackoffMs, this.backoff.maxBackoffMs);
    for (;;) {
      signal?.throwIfAborted();
      try {
        return await attempt(() => pauses.reset());
      } catch (err) {
        signal?.throwIfAborted();
        const lasting = err instanceof FileError ? !err.temporary : !isNetwork(err);
        if (lasting) {
          throw err;
        }
      }
      if (!(await sleep(pauses.next(), signal, this.#over.signal)) && this.#over.signal.aborted) {
        throw new ClosedError();
      }
    }
  }

  /** Makes a request with a grant, and with a new one when that has expired. */
  async granted(url: string, request: FileRequest): Promise<Answer> {
    for (let again = false; ; again = true) {
      const headers = { ...request.headers, Authorization: `Bearer ${await this.#currentGrant()}` };
      try {
        return await this.#request(url, { ...request, headers });
      } catch (err) {
        if (again || !(err instanceof FileError) || err.status !== 401) {
          throw err;
        }
        this.#grant = "";
      }
    }
  }

  async #currentGrant(): Promise<string> {
    if (!this.#grant || Date.now() > this.#expires - grantMargin) {
      const { appKey, account } = this.who;
      const body = JSON.stringify({ appKey, account, token: await this.who.token() });
      const headers = { "Content-Type": "application/json" };
      const { json } = await this.#request(`${this.url}/files/grant`, { method: "POST", headers, body });
      this.#grant = text(json.grant);
      this.#expires = int(json.expiresMs);
    }
    return this.#grant;
  }

  async #request(url: string, { method, headers, body, signal, patient }: FileRequest): Promise<Answer> {
    const signals = [
      this.#over.signal,
      ...(signal ? [signal] : []),
      ...(patient ? [] : [AbortSignal.timeout(answerTimeout)]),
    ];
    const any = anyOf(signals);
    let response: Response;
    let content: string;
    try {
      response = await this.fetch(url, {
        method,
        signal: any.signal,
        ...(headers && { headers }),
        ...(body !== undefined && { body }),
      });
      content = method === "HEAD" ? "" : await response.text();
    } finally {
      any.release();
    }
    const json = parse(content);
    if (!response.ok) {
      const [name = "", note = ""] = content.split(": ", 2); // tus answers so
      const reason = text(json.error) || name.trim();
      throw new FileError(response.status, int(json.code), reason, text(json.note) || note.trim());
    }
    return { status: response.status, headers: response.headers, json };
  }
}

function parse(content: string): Json {
  try {
    return object(JSON.parse(content));
  } catch {
    return {};
  }
}

/** AbortSignal.any, which is younger than the browsers that this SDK is for. release ends what it listens to. */
function anyOf(signals: AbortSignal[]): { signal: AbortSignal; release(): void } {
  const all = new AbortController();
  const over = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) {
      all.abort(signal.reason);
    }
    signal.addEventListener("abort", () => all.abort(signal.reason), { signal: over.signal });
  }
  return { signal: all.signal, release: () => over.abort() };
}

/** fetch throws TypeError when there is no network, and TimeoutError when we set it a time. */
function isNetwork(err: unknown): boolean {
  const { name } = toError(err);
  return name === "TypeError" || name === "TimeoutError";
}
