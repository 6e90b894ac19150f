// What the cases have in common: a list of them, clients that are closed at the
// end, waiting with a deadline, and one line of JSON for each result.

import { Manager } from "socket.io-client";

const patience = 60_000; // ms that a case may take; none needs it to pass
const together = 8; // cases that run at the same time

const cases = [];

/** Adds a case. */
export function add(name, run) {
  cases.push({ name, run });
}

/** Runs all cases, prints their results and the count, and sets the exit code. */
export async function runAll(url) {
  const only = process.argv[3]; // by hand: only the cases whose names contain it
  const waiting = only ? cases.filter((c) => c.name.includes(only)) : [...cases];
  const total = waiting.length;
  let failed = 0;
  const worker = async () => {
    for (let c = waiting.shift(); c; c = waiting.shift()) {
      const started = performance.now();
      const error = await runOne(c, url);
      if (error) failed++;
      print({ case: c.name, ms: Math.round(performance.now() - started), error });
    }
  };
  await Promise.all(Array.from({ length: together }, worker));
  print({ cases: total, failed });
  await farewell();
  process.stdout.write("", () => process.exit(failed ? 1 : 0));
}

/** Lets clients say that they leave. One whose upgrade hangs cannot: it waits for that first. */
async function farewell() {
  const open = () => managers.some((m) => m.engine && m.engine.readyState !== "closed");
  for (const end = performance.now() + 1_000; open() && performance.now() < end; ) await pause();
}

/** The pace of asking. */
function pause() {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

function print(result) {
  process.stdout.write(JSON.stringify(result) + "\n");
}

/** Runs one case and returns what was wrong. */
async function runOne(c, url) {
  const t = new Case(url);
  try {
    await t.within(Promise.race([c.run(t), t.broken]));
  } catch (error) {
    return `${error?.stack ?? error}${t.waiting.size ? `\n  waiting for ${[...t.waiting].join(", ")}` : ""}${t.log.length ? "\n  " + t.log.slice(-30).join("\n  ") : ""}`;
  } finally {
    t.close();
  }
}

let clients = 0;
const managers = []; // of all cases

/** What a running case works with. */
export class Case {
  constructor(url) {
    this.url = url;
    this.log = []; // what the clients went through; printed when the case fails
    this.waiting = new Set(); // what it waits for
    this.managers = [];
    this.broken = new Promise((_, reject) => (this.fail = reject));
    this.broken.catch(() => {}); // nobody may be waiting
    this.client = `client-${process.pid}-${++clients}`; // names the case's client for the server
  }

  /** A manager that is closed with the case: one connection. */
  manager(options = {}, url = this.url) {
    const m = new Manager(url, {
      reconnectionDelay: 20,
      reconnectionDelayMax: 200,
      autoConnect: false,
      ...options,
    });
    const note = (what) => (detail) => this.log.push(`${what} ${detail?.message ?? detail ?? ""} ${detail?.description?.message ?? ""}`);
    m.on("close", note("connection closed:"));
    m.on("reconnect_error", note("could not reconnect:"));
    this.managers.push(m);
    managers.push(m);
    return m;
  }

  /** A socket of its own connection, that is about to connect. */
  socket(options = {}, { namespace = "/", url, auth = { client: this.client } } = {}) {
    const s = this.manager(options, url).socket(namespace, { auth });
    s.on("connect_error", (error) => this.log.push(`connect_error: ${error.message}`));
    s.connect();
    return s;
  }

  /** A socket that has connected. */
  async connected(options, more) {
    const s = this.socket(options, more);
    await this.connect(s);
    return s;
  }

  /** Waits until s has joined its namespace. */
  async connect(s) {
    if (!s.connected) await this.once(s, "connect");
  }

  /** The arguments of the next event. Call it before what makes the event come. */
  once(emitter, event) {
    return this.within(new Promise((resolve) => emitter.once(event, (...args) => resolve(args))), `"${event}"`);
  }

  /** The arguments of the next n events. */
  take(socket, event, n) {
    const taken = [];
    return this.within(
      new Promise((resolve) => {
        const listener = (...args) => {
          taken.push(args);
          if (taken.length < n) return;
          socket.off(event, listener);
          resolve(taken);
        };
        socket.on(event, listener);
      }),
      `${n} of "${event}"`,
    );
  }

  /** Emits with an acknowledgement and returns its first argument. */
  ask(socket, event, ...args) {
    return this.within(socket.emitWithAck(event, ...args), `the answer to "${event}"`);
  }

  /** Waits until check, which may be asynchronous, says so. */
  async until(what, check) {
    for (const end = performance.now() + patience; ; ) {
      const value = await check();
      if (value) return value;
      if (performance.now() > end) throw new Error(`still not so: ${what}`);
      await pause();
    }
  }

  /** A promise with a deadline. */
  within(promise, what = "the case") {
    let timer;
    const late = new Promise((_, reject) => {
      const error = new Error(`no ${what} after ${patience} ms`);
      timer = setTimeout(() => reject(error), patience);
    });
    this.waiting.add(what);
    return Promise.race([promise, late]).finally(() => {
      clearTimeout(timer);
      this.waiting.delete(what);
    });
  }

  /** Asks the desk of the Go test for something. */
  async desk(method, path) {
    const response = await fetch(`${this.url}/desk${path}`, { method });
    if (!response.ok) throw new Error(`desk${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** A network path to the server that can be cut. */
  async cable() {
    const { id, url } = await this.desk("POST", `/cable?to=${encodeURIComponent(this.url)}`);
    const act = (action) => () => this.desk("POST", `/cable/${id}/${action}`);
    return {
      url,
      passed: () => this.desk("GET", `/cable/${id}`),
      cut: act("cut"), reset: act("reset"), down: act("down"), up: act("up"), freeze: act("freeze"), thaw: act("thaw"),
    };
  }

  close() {
    for (const m of this.managers) m._close(); // closes for all its namespaces
  }
}
