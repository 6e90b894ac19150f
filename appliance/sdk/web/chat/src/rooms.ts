// The rooms that this tab is in. What is said in a room is kept nowhere, so the
// page keeps what it has heard for as long as it is open.

import { type Client, type RoomMessage, ServerError } from "../../src/index";
import { textOf } from "./format";
import type { Entry } from "./log";
import type { Names } from "./names";
import { savedRooms, saveRooms } from "./session";

/** Lines that the page keeps of one room. */
const mostLines = 500;

export type RoomState = "entering" | "entered" | "away" | "lost";

interface Line {
  key: string;
  /** Order within the room; undefined while the server has not said. */
  id?: bigint;
  from: string;
  own: boolean;
  text: string;
  timeMs: number;
  mark?: "sending" | "sent" | "failed";
  problem?: string;
}

/** One room as this tab knows it. */
export class RoomChat {
  readonly name: string;
  state: RoomState = "entering";
  members = 0;
  problem = "";
  unread = 0;
  lines: Line[] = [];
  /** Called at every change, while the room is on the screen. */
  onChange: (() => void) | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get lastLine(): Line | undefined {
    return this.lines.at(-1);
  }

  /** Puts a line where the server's order has it; lines on their way are last. */
  add(line: Line): void {
    const id = line.id;
    if (id !== undefined && this.lines.some((other) => other.id === id)) return;
    let at = this.lines.length;
    if (id !== undefined) {
      while (at > 0) {
        const before = this.lines[at - 1]?.id;
        if (before !== undefined && before < id) break;
        at--;
      }
    }
    this.lines.splice(at, 0, line);
    if (this.lines.length > mostLines) this.lines.splice(0, this.lines.length - mostLines);
  }

  drop(key: string): void {
    this.lines = this.lines.filter((line) => line.key !== key);
  }

  entries(names: Names): Entry[] {
    return this.lines.map((line) => ({
      key: line.key,
      timeMs: line.timeMs,
      from: line.from,
      name: names.of(line.from),
      own: line.own,
      kind: "text",
      text: line.text,
      ...(line.mark ? { mark: line.mark } : {}),
      ...(line.mark === "failed" ? { problem: line.problem ?? "Not sent", actions: ["retry", "discard"] } : {}),
    }));
  }
}

export class RoomBook {
  readonly #client: Client;
  readonly #changed: () => void;
  readonly #rooms = new Map<string, RoomChat>();
  #lastKey = 0;

  /** changed is called when the list of rooms, or a count in it, has changed. */
  constructor(client: Client, changed: () => void) {
    this.#client = client;
    this.#changed = changed;
    client.on("room", ({ room, state, members, error, out }) => {
      const chat = this.#rooms.get(room);
      if (!chat || state === "exited") return;
      chat.state = state === "out" ? "lost" : state;
      if (members !== undefined) chat.members = members;
      chat.problem = out ? `You are out of the room: ${out.reason}` : error ? reason(error) : "";
      this.#touch(chat);
    });
    client.on("room_message", (message) => this.#heard(message));
    client.on("state", ({ state }) => {
      if (state !== "connected") return;
      for (const chat of this.#rooms.values()) {
        if (chat.state === "entering" || chat.state === "lost") void this.#enter(chat);
      }
    });
    for (const name of savedRooms()) this.#rooms.set(name, new RoomChat(name));
  }

  list(): RoomChat[] {
    return [...this.#rooms.values()];
  }

  get(name: string): RoomChat | undefined {
    return this.#rooms.get(name);
  }

  /** The room, which is entered if it is not yet. */
  open(name: string): RoomChat {
    let chat = this.#rooms.get(name);
    if (!chat) {
      chat = new RoomChat(name);
      this.#rooms.set(name, chat);
      this.#save();
      void this.#enter(chat);
    }
    return chat;
  }

  /** Counts have been set back. */
  noticed(): void {
    this.#changed();
  }

  async leave(name: string): Promise<void> {
    this.#rooms.delete(name);
    this.#save();
    this.#changed();
    await this.#client.rooms.exit(name);
  }

  send(chat: RoomChat, text: string): void {
    const line: Line = {
      key: `own ${++this.#lastKey}`,
      from: this.#client.account,
      own: true,
      text,
      timeMs: Date.now(),
    };
    chat.add(line);
    void this.#send(chat, line);
  }

  retry(chat: RoomChat, key: string): void {
    const line = chat.lines.find((other) => other.key === key);
    if (line) void this.#send(chat, line);
  }

  async #send(chat: RoomChat, line: Line): Promise<void> {
    line.mark = "sending";
    delete line.problem;
    this.#touch(chat);
    try {
      const { id, timeMs } = await this.#client.rooms.send(chat.name, line.text);
      chat.drop(line.key);
      chat.add({ ...line, id: BigInt(id), timeMs, mark: "sent" });
    } catch (error) {
      line.mark = "failed";
      line.problem = `Not sent: ${reason(error as Error)}`;
    }
    this.#touch(chat);
  }

  async #enter(chat: RoomChat): Promise<void> {
    try {
      const room = await this.#client.rooms.enter(chat.name);
      chat.state = "entered";
      chat.members = room.members;
      chat.problem = "";
    } catch (error) {
      chat.state = "lost";
      chat.problem = reason(error as Error);
    }
    this.#touch(chat);
  }

  #heard(message: RoomMessage): void {
    const chat = this.#rooms.get(message.room);
    if (!chat) return;
    const id = BigInt(message.id);
    const own = message.own;
    const text = textOf(message.type, message.body);
    // What this tab has sent finds its place when the answer is here; own ones
    // from another device come this way only.
    if (own && chat.lines.some((line) => line.mark === "sending" && line.text === text)) return;
    chat.add({
      key: `id ${message.id}`,
      id,
      from: message.from,
      own,
      text,
      timeMs: message.timeMs,
      ...(own ? { mark: "sent" } : {}),
    });
    if (!own) chat.unread++;
    this.#touch(chat);
  }

  #touch(chat: RoomChat): void {
    chat.onChange?.();
    this.#changed();
  }

  #save(): void {
    saveRooms([...this.#rooms.keys()]);
  }
}

function reason(error: Error): string {
  if (error instanceof ServerError) return error.note || `code ${error.code}`;
  return error.message;
}
