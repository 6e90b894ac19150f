import { Client } from "../src/client";
import type { ClientOptions, Message, MissingEvent, RecallEvent, State, UpdateEvent } from "../src/types";

/** Nothing in these tests takes so long unless it never comes. */
const patience = 20_000;

/** Resolves when condition holds; it is looked at whenever something may have happened. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, ms = patience): Promise<void> {
  const end = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > end) {
      throw new Error(`waited in vain: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What a client has told its app, and a check that it kept its promise. */
export class Recorder {
  readonly messages: Message[] = [];
  readonly states: State[] = [];
  readonly missing: MissingEvent[] = [];
  readonly recalls: RecallEvent[] = [];
  readonly updates: UpdateEvent[] = [];
  readonly errors: Error[] = [];
  resets = 0;
  /** Mistakes: a hole, a double or a wrong order. */
  readonly mistakes: string[] = [];
  readonly #next = new Map<string, number>();

  constructor(client: Client) {
    client.on("state", ({ state }) => this.states.push(state));
    client.on("error", (err) => this.errors.push(err));
    client.on("message", (m) => {
      this.#turn(m.conversation, m.seq, m.seq);
      this.messages.push(m);
    });
    client.on("recall", (event) => {
      this.#turn(event.conversation, event.entry.seq, event.entry.seq);
      this.recalls.push(event);
    });
    client.on("update", (event) => {
      this.#turn(event.conversation, event.entry.seq, event.entry.seq);
      this.updates.push(event);
    });
    client.on("missing", (event) => {
      this.#turn(event.conversation, event.fromSeq, event.toSeq);
      this.missing.push(event);
    });
    client.on("reset", () => {
      this.resets++;
      this.#next.clear();
    });
  }

  #turn(conversation: string, from: number, to: number): void {
    const next = this.#next.get(conversation);
    if (next !== undefined && from !== next) {
      this.mistakes.push(`${conversation}: ${from} came in place of ${next}`);
    }
    this.#next.set(conversation, to + 1);
  }

  bodies(peer: string): string[] {
    return this.messages.filter((m) => m.peer === peer).map((m) => m.body);
  }
}

/** Options that make waiting short. */
export const quick = { minBackoffMs: 20, maxBackoffMs: 200 } satisfies Partial<ClientOptions>;

/** Makes clients and closes them. */
export class Fleet {
  readonly #clients: Client[] = [];

  constructor(private readonly common: Partial<ClientOptions>) {}

  make(account: string, options: Partial<ClientOptions> = {}): { client: Client; seen: Recorder } {
    const client = new Client({ appKey: "demo", account, token: account, ...quick, ...this.common, ...options });
    this.#clients.push(client);
    return { client, seen: new Recorder(client) };
  }

  async connect(account: string, options: Partial<ClientOptions> = {}): Promise<{ client: Client; seen: Recorder }> {
    const made = this.make(account, options);
    await made.client.connect();
    return made;
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }
}
