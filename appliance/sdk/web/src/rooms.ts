import { newId } from "./async";
import type { Calls } from "./calls";
import { toError, UsageError } from "./errors";
import type { Link } from "./link";
import { Room, type RoomEntry, type RoomSendOptions } from "./room";
import type { Content, Platform, RoomEvent, RoomMessage, RoomSent } from "./types";
import { content, roomMessage } from "./wire";
import * as wire from "./wire.gen";

/** How long entering a room again may take before the room counts as lost. */
const reenterTimeout = 30_000;

/** What Rooms tells the client. */
export interface RoomsListener {
  room(event: RoomEvent): void;
  roomMessage(m: RoomMessage): void;
  roomNotice(notice: wire.RoomNoticePush): void;
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

  /**
   * Enters a room, and again on every connection until exit. Only messages from now on
   * come. In a registered room, whose name is its number, entry says how this account
   * shows itself; entering again changes that.
   */
  async enter(name: string, entry: RoomEntry = {}): Promise<Room> {
    if (!name) {
      throw new UsageError("a room needs a name");
    }
    let room = this.#wanted.get(name);
    if (!room) {
      room = new Room(this, this.calls, this.self, name, entry);
      this.#wanted.set(name, room);
    }
    try {
      const answer = await this.calls.call(wire.enterRoom, { ...entry, room: name });
      room.entry = entry;
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

  /** Sends a message to a room that this client is in; once, it is not tried again. */
  async send(name: string, what: string | Content, options: RoomSendOptions = {}): Promise<RoomSent> {
    const { type, body, ext } = content(what);
    const request = { room: name, clientId: newId(), type, body, ext };
    const sent = await this.calls.call(wire.sendRoom, { ...options, ...request }, { once: true });
    if (!sent.abandoned) {
      // The server does not push it to the session that sent it.
      const { nick = "", avatar = "", ext: fromExt = "" } = this.#wanted.get(name)?.self ?? {};
      const blank = wire.RoomMessagePush.read({ ...options, fromNick: nick, fromAvatar: avatar, fromExt });
      const { id, timeMs } = sent;
      this.#took({ ...blank, ...request, id, timeMs, from: this.self, fromPlatform: this.platform, own: true });
    }
    return sent;
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

  /** @internal */
  notice(notice: wire.RoomNoticePush): void {
    const room = this.#wanted.get(notice.room);
    if (room) {
      room.noticed(notice);
      this.listener.roomNotice(notice);
    }
  }

  /** @internal Somebody has put this client out, or closed the room: it does not enter again by itself. */
  out(push: wire.RoomOutPush): void {
    const room = this.#wanted.get(push.room);
    if (room) {
      this.#wanted.delete(room.name);
      this.#moved(room, { room: room.name, state: "out", out: push });
    }
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
      const request = { ...room.entry, room: room.name };
      this.#entered(room, await this.calls.request(link, wire.enterRoom, request, until, signal));
    } catch (err) {
      if (!signal.aborted && this.#wanted.get(room.name) === room) {
        this.#wanted.delete(room.name);
        this.#moved(room, { room: room.name, state: "lost", error: toError(err) });
      }
    }
  }

  #entered(room: Room, answer: wire.EnterRoomResponse): void {
    if (this.#wanted.get(room.name) !== room) {
      return; // left meanwhile
    }
    room.entered(answer);
    const { members } = answer;
    if (room.state !== "entered" || room.members !== members) {
      this.#moved(room, { room: room.name, state: "entered", members });
    }
  }

  #moved(room: Room, event: RoomEvent): void {
    room.moved(event);
    this.listener.room(event);
  }
}
