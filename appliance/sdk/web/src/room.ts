import type { Calls } from "./calls";
import type { Init, Request } from "./codec";
import { Emitter } from "./emitter";
import type { RoomEvents } from "./events";
import type { Rooms } from "./rooms";
import type { Content, RoomEvent, RoomMessage, RoomSent } from "./types";
import { roomMessage } from "./wire";
import * as wire from "./wire.gen";

/** How this account shows itself in a registered room, and its tags there; all may be missing. */
export type RoomEntry = Init<Omit<wire.EnterRoomRequest, "room">>;

/** What goes with a message to a registered room. */
export type RoomSendOptions = Init<Pick<wire.SendRoomRequest, "highPriority" | "skipHistory" | "notifyTags">>;

/**
 * A room that this client wants to be in. Rooms.enter makes it. All below exit is for
 * registered rooms; who may not do it there gets 403.
 */
export class Room extends Emitter<RoomEvents> {
  #state: RoomEvent["state"] = "away";
  #members = 0;
  #info: wire.RoomInfo | undefined;
  #self: wire.RoomMember | undefined;

  /** @internal */
  constructor(
    private readonly rooms: Rooms,
    private readonly calls: Calls,
    private readonly account: string,
    readonly name: string,
    /** @internal */
    public entry: RoomEntry,
  ) {
    super();
  }

  get state(): RoomEvent["state"] {
    return this.#state;
  }

  /** Members when this client entered; in a registered room as the notices tell. */
  get members(): number {
    return this.#members;
  }

  /** What the room is, as far as it was told; undefined when it is no registered one. */
  get info(): wire.RoomInfo | undefined {
    return this.#info;
  }

  /** What this account is to the room when it entered, or was changed. */
  get self(): wire.RoomMember | undefined {
    return this.#self;
  }

  /** Sends a message to everyone in the room; once, it is not tried again. */
  send(what: string | Content, options?: RoomSendOptions): Promise<RoomSent> {
    return this.rooms.send(this.name, what, options);
  }

  exit(): Promise<void> {
    return this.rooms.exit(this.name);
  }

  /** Reads anew what the room is, and how many are inside. */
  async refresh(): Promise<wire.RoomInfoResponse> {
    const answer = await this.calls.call(wire.roomInfo, { room: this.name });
    this.#info = answer.info ?? this.#info;
    this.#members = answer.members;
    return answer;
  }

  /**
   * One page of what was said lately, from atMs on: the newest first, or with reverse
   * the oldest. Go on with the time of the last one.
   */
  async history(
    options: { atMs?: number; reverse?: boolean; limit?: number; tags?: string[] } = {},
  ): Promise<{ messages: RoomMessage[]; more: boolean }> {
    const { atMs, ...rest } = options;
    const answer = await this.calls.call(wire.roomHistory, { room: this.name, timeMs: atMs, ...rest });
    return { messages: answer.messages.map((m) => roomMessage(m, this.account)), more: answer.more };
  }

  /** Takes a message out of the history; one's own, or as creator or manager anybody's. */
  recall(id: string, notifyExt?: string): Promise<void> {
    return this.#change(wire.recallRoom, { room: this.name, id, notifyExt });
  }

  /** Those named (200 at most), or a page of at most 100, before beforeMs. */
  listMembers(what: Init<Omit<wire.RoomMembersRequest, "room">> = {}): Promise<wire.RoomMembersResponse> {
    return this.calls.call(wire.roomMembers, { room: this.name, ...what });
  }

  /** One page of those who are inside with a tag. */
  listTag(tag: string, page: { beforeMs?: number; limit?: number } = {}): Promise<wire.RoomTagMembersResponse> {
    return this.calls.call(wire.roomTagMembers, { room: this.name, tag, ...page });
  }

  /** The queue in its order, or what is there of keys. */
  async queue(keys: string[] = []): Promise<wire.RoomElement[]> {
    return (await this.calls.call(wire.roomQueue, { room: this.name, keys })).elements;
  }

  /** Puts elements to the end of the queue, at most 100; a known key gets the new value in its place. */
  offer(elements: Init<wire.RoomElement>[], notifyExt?: string): Promise<void> {
    return this.#change(wire.offerRoomQueue, { room: this.name, elements, notifyExt });
  }

  /** Takes out the first element, or that of key; 404 when there is none. */
  async poll(key = ""): Promise<wire.RoomElement | undefined> {
    return (await this.calls.call(wire.pollRoomQueue, { room: this.name, key })).element;
  }

  /** Empties the queue. */
  dropQueue(): Promise<void> {
    return this.#change(wire.dropRoomQueue, { room: this.name });
  }

  /** Changes what the room is. */
  update(changes: Init<wire.RoomChanges>, notice: Notice = {}): Promise<void> {
    return this.#change(wire.updateRoom, { room: this.name, changes, ...notice });
  }

  /** Changes how this account shows itself; with save for later entries too. */
  async updateSelf(
    change: Init<Pick<wire.UpdateRoomSelfRequest, "nick" | "avatar" | "ext" | "save">>,
    notice: Notice = {},
  ): Promise<void> {
    await this.#change(wire.updateRoomSelf, { room: this.name, ...change, ...notice });
    const { save: _, ...shown } = change;
    this.entry = { ...this.entry, ...shown };
  }

  /** Changes this account's tags in the room, and whom its messages are for. */
  async setTags(tags: string[], notifyTags?: string, notice: Notice = {}): Promise<void> {
    await this.#change(wire.setRoomTags, { room: this.name, tags, notifyTags, ...notice });
    this.entry = { ...this.entry, tags, notifyTags };
  }

  /** Makes account a manager or fixed member, blocks or mutes it, or with off ends that. */
  setRole(account: string, op: wire.RoomRoleOp, off = false, notifyExt?: string): Promise<void> {
    return this.#change(wire.setRoomRole, { room: this.name, account, op, off, notifyExt });
  }

  /** Keeps account from sending for so many seconds; 0 lifts that. */
  muteMember(account: string, seconds: number, notice: Notice = {}): Promise<void> {
    return this.#change(wire.muteRoomMember, { room: this.name, account, seconds, ...notice });
  }

  /** Keeps all but the creator and managers from sending. */
  mute(muted: boolean, notice: Notice = {}): Promise<void> {
    return this.#change(wire.muteRoom, { room: this.name, muted, ...notice });
  }

  /** Keeps all who have a tag from sending for so many seconds; 0 lifts that. */
  muteTag(tag: string, seconds: number, notice: Notice & { notifyTags?: string } = {}): Promise<void> {
    return this.#change(wire.muteRoomTag, { room: this.name, tag, seconds, ...notice });
  }

  /** Puts account out; it may enter again unless it is blocked. */
  kick(account: string, notifyExt?: string): Promise<void> {
    return this.#change(wire.kickRoom, { room: this.name, account, notifyExt });
  }

  /** Closes the room, which ends everybody's membership, or opens it again; the creator's. */
  close(open = false): Promise<void> {
    return this.#change(wire.closeRoom, { room: this.name, open });
  }

  async #change<A, R>(what: Request<A, R>, argument: Init<A>): Promise<void> {
    await this.calls.call(what, argument);
  }

  /** @internal */
  moved(event: RoomEvent): void {
    this.#state = event.state;
    this.#members = event.members ?? this.#members;
    this.emit("state", event);
  }

  /** @internal */
  entered({ info, self }: wire.EnterRoomResponse): void {
    this.#info = info;
    this.#self = self;
  }

  /** @internal */
  took(m: RoomMessage): void {
    this.emit("message", m);
  }

  /** @internal */
  noticed(notice: wire.RoomNoticePush): void {
    this.#info = notice.info ?? this.#info;
    if (notice.member?.account === this.account) {
      this.#self = notice.member;
    }
    if (notice.kind === "entered" || notice.kind === "exited") {
      this.#members = notice.members;
    }
    this.emit("notice", notice);
  }
}

/** Whether those inside are told of a change, and what is told with it. */
export interface Notice {
  notify?: boolean;
  notifyExt?: string;
}
