import { io, type Socket } from "socket.io-client";
import { ConnectionError, type ServerError, TimeoutError } from "./errors";
import { int, type Json, object } from "./protojson";
import type { Login } from "./types";
import { login as loginOf, serverError } from "./wire";

/** How long the login may take, beyond the time for the transport; the server gives 10 s. */
const loginTimeout = 10_000;
/** Requests without an answer; calls beyond them are refused here. */
const maxPending = 256;

export interface LinkOptions {
  path: string;
  transports: ("websocket" | "polling")[];
  /** LoginRequest. */
  auth: Json;
  /** How long the transport may take. */
  connectTimeoutMs: number;
}

/** Gets what the server pushes, in its order. */
export type PushHandler = (name: string, body: unknown) => void;

/**
 * Link is one connection to one access point, from the login to its end. It
 * never reconnects: socket.io-client's own reconnection is off, because coming
 * back needs LBS, a fresh token and the go_away delay.
 */
export class Link {
  readonly login: Promise<Login>;
  /** Resolves with the reason when the link has ended. */
  readonly ended: Promise<Error>;

  readonly #socket: Socket;
  readonly #pending = new Set<(reason: Error) => void>();
  #end!: (reason: Error) => void;
  #reason: Error | undefined;

  constructor(url: string, options: LinkOptions, onPush: PushHandler) {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#socket = io(url, {
      path: options.path,
      transports: options.transports,
      tryAllTransports: true,
      auth: options.auth,
      timeout: options.connectTimeoutMs,
      reconnection: false,
      forceNew: true,
      autoConnect: false,
    });
    this.#socket.onAny((name: string, body: unknown) => {
      if (!this.#reason && name !== "login") {
        onPush(name, body);
      }
    });
    this.#socket.on("disconnect", (reason) => this.close(new ConnectionError(`connection lost: ${reason}`)));
    this.login = this.#logIn(options.connectTimeoutMs + loginTimeout);
    this.login.catch(() => {}); // whoever wants to know has his own handler
    this.#socket.connect();
  }

  #logIn(timeoutMs: number): Promise<Login> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.close(new ConnectionError("the server did not answer the login in time")),
        timeoutMs,
      );
      void this.ended.then((reason) => {
        clearTimeout(timer);
        reject(reason);
      });
      this.#socket.on("connect_error", (err) => this.close(refusal(err)));
      this.#socket.once("login", (body: unknown) => {
        clearTimeout(timer);
        resolve(loginOf(body));
      });
    });
  }

  /** Why the link has ended, if it has. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /**
   * Makes one request. It rejects with a ServerError, the answer; a
   * ConnectionError when the link ends first; a TimeoutError.
   */
  call(command: string, body: Json, timeoutMs: number): Promise<Json> {
    return new Promise((resolve, reject) => {
      if (this.#reason) {
        reject(this.#reason);
        return;
      }
      if (this.#pending.size >= maxPending) {
        reject(serverError(503, { note: "too many requests wait for an answer" }));
        return;
      }
      const settle = (give: () => void) => {
        clearTimeout(timer);
        this.#pending.delete(lost);
        give();
      };
      const lost = (reason: Error) => settle(() => reject(reason));
      const timer = setTimeout(
        () => settle(() => reject(new TimeoutError(`${command}: no answer in time`))),
        Math.min(timeoutMs, 2 ** 31 - 1),
      );
      this.#pending.add(lost);
      this.#socket.emit(command, body, (answer: unknown) => {
        const { code, body } = object(answer);
        settle(() => (int(code) === 200 ? resolve(object(body)) : reject(serverError(code, body))));
      });
    });
  }

  /** Ends the link because of reason; the first one stays. */
  close(reason: Error): void {
    if (this.#reason) {
      return;
    }
    this.#reason = reason;
    this.#socket.disconnect();
    for (const lost of [...this.#pending]) {
      lost(reason);
    }
    this.#end(reason);
  }
}

/** What a failed connection means: the server's CONNECT_ERROR carries {code, note}. */
function refusal(err: Error & { data?: unknown; description?: unknown }): ServerError | ConnectionError {
  const data = object(err.data);
  if (int(data.code) > 0) {
    return serverError(data.code, data);
  }
  return new ConnectionError(`cannot connect: ${err.message}`, { cause: err });
}
