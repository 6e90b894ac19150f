import { newId } from "./async";
import type { Calls } from "./calls";
import { Emitter } from "./emitter";
import { toError, UsageError } from "./errors";
import type { RoomEvents } from "./events";
import type { Link } from "./link";
import type { Content, Platform, RoomEvent, RoomMessage } from "./types";
import { content, roomMessage } from "./wire";
import * as wire from "./wire.gen";

/** How long entering a room again may take before the room counts as lost. */
const reenterTimeout = 30_000;

/** A room that this client wants to be in. Rooms.enter makes it. */
export class Room extends Emitter<RoomEvents> {
  #state: RoomEvent["state"] = "away";
  #members = 0;

  /** @internal */
  constructor(
    private readonly rooms: Rooms,
    readonly name: string,
  ) {
    super();
  }

  get state(): RoomEvent["state"] {
    return this.#state;
  }

  /** Members on the same node, when this client entered. */
  get members(): number {
    return this.#members;
  }

  /** Sends a message to everyone in the room; once, it is not tried again. */
  send(what: string | Content): Promise<{ id: string; timeMs: number }> {
    return this.rooms.send(this.name, what);
  }

  exit(): Promise<void> {
    return this.rooms.exit(this.name);
  }

  /** @internal */
  moved(event: RoomEvent): void {
    this.#state = event.state;
    this.#members = event.members ?? this.#members;
    this.emit("state", event);
  }

  /** @internal */
  took(m: RoomMessage): void {
    this.emit("message", m);
  }
}

/** What Rooms tells the client. */
export interface RoomsListener {
  room(event: RoomEvent): void;
  roomMessage(m: RoomMessage): void;
}

/** The rooms that this client wants to be in: it enters them again on every connection. */
export class Rooms {
  readonly #wanted = new Map<string, Room>();

  /** @internal */
  constructor(
    private readonly self: string,
    private readonly platform: Platform,
    private readonly calls: Calls,
    private readonly listener: RoomsListener,
  ) {}

  get(name: string): Room | undefined {
    return this.#wanted.get(name);
  }

  /** Enters a room, and again on every connection until exit. Only messages from now on come. */
  async enter(name: string): Promise<Room> {
    if (!name) {
      throw new UsageError("a room needs a name");
    }
    let room = this.#wanted.get(name);
    if (!room) {
      room = new Room(this, name);
      this.#wanted.set(name, room);
    }
    try {
      const answer = await this.calls.call(wire.enterRoom, { room: name });
      this.#entered(room, answer);
    } catch (err) {
      if (this.#wanted.get(name) === room && room.state !== "entered") {
        this.#wanted.delete(name); // it was not entered: do not try by ourselves
        this.#moved(room, { room: name, state: "lost", error: toError(err) });
      }
      throw err;
    }
    return room;
  }

  async exit(name: string): Promise<void> {
    const room = this.#wanted.get(name);
    if (!room) {
      return;
    }
    this.#wanted.delete(name);
    this.#moved(room, { room: name, state: "exited" });
    if (this.calls.connected) {
      await this.calls.call(wire.exitRoom, { room: name }, { once: true });
    }
  }

  async send(name: string, what: string | Content): Promise<{ id: string; timeMs: number }> {
    const { type, body, ext } = content(what);
    const request = { room: name, clientId: newId(), type, body, ext };
    const { id, timeMs } = await this.calls.call(wire.sendRoom, request, { once: true });
    // The server does not push it to the session that sent it.
    const blank = wire.RoomMessagePush.read({});
    this.#took({ ...blank, ...request, id, timeMs, from: this.self, fromPlatform: this.platform, own: true });
    return { id, timeMs };
  }

  /** @internal A new connection is logged in. */
  connected(link: Link, signal: AbortSignal): void {
    for (const room of this.#wanted.values()) {
      void this.#enterAgain(link, room, signal);
    }
  }

  /** @internal The connection is gone. */
  disconnected(): void {
    for (const room of this.#wanted.values()) {
      if (room.state === "entered") {
        this.#moved(room, { room: room.name, state: "away" });
      }
    }
  }

  /** @internal */
  push(m: wire.RoomMessagePush): void {
    this.#took(roomMessage(m, this.self));
  }

  #took(m: RoomMessage): void {
    const room = this.#wanted.get(m.room);
    if (room) {
      room.took(m);
      this.listener.roomMessage(m);
    }
  }

  async #enterAgain(link: Link, room: Room, signal: AbortSignal): Promise<void> {
    try {
      const until = Date.now() + reenterTimeout;
      this.#entered(room, await this.calls.request(link, wire.enterRoom, { room: room.name }, until, signal));
    } catch (err) {
      if (!signal.aborted && this.#wanted.get(room.name) === room) {
        this.#wanted.delete(room.name);
        this.#moved(room, { room: room.name, state: "lost", error: toError(err) });
      }
    }
  }

  #entered(room: Room, { members }: wire.EnterRoomResponse): void {
    if (this.#wanted.get(room.name) !== room) {
      return; // left meanwhile
    }
    if (room.state !== "entered" || room.members !== members) {
      this.#moved(room, { room: room.name, state: "entered", members });
    }
  }

  #moved(room: Room, event: RoomEvent): void {
    room.moved(event);
    this.listener.room(event);
  }
}
