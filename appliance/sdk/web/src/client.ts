import type { Conversation } from "./conversation";
import type { Emitter } from "./emitter";
import type { Rooms } from "./rooms";
import type { ClientEvents, ClientOptions, ConversationInfo, Login, Profile, ProfileChange, State } from "./types";

export declare class Client extends Emitter<ClientEvents> {
  constructor(options: ClientOptions);
  readonly account: string;
  readonly state: State;
  readonly login: Login | undefined;
  readonly rooms: Rooms;
  load(): Promise<void>;
  connect(): Promise<void>;
  close(): void;
  logout(options?: { keepData?: boolean }): Promise<void>;
  conversations(): ConversationInfo[];
  open(peer: string): Conversation;
  profiles(accounts: string[]): Promise<Profile[]>;
  updateProfile(change: ProfileChange): Promise<void>;
  kick(sessionIds: string[]): Promise<void>;
}
