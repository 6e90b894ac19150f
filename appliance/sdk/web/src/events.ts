// The events of the SDK's objects, with the arguments of their listeners.

import type {
  ConversationInfo,
  DeletionEvent,
  Delivery,
  Kicked,
  Message,
  MissingEvent,
  Outgoing,
  ReadEvent,
  RecallEvent,
  RoomEvent,
  RoomMessage,
  StateChange,
  TeamEvent,
  UpdateEvent,
} from "./types";
import type { DoNotDisturb, RoomNoticePush } from "./wire.gen";

/** Events of a Client. */
export interface ClientEvents {
  state: [change: StateChange];
  /** A message of any conversation: per conversation in the order of seq, gapless, each once. */
  message: [message: Message, delivery: Delivery];
  /** Takes its turn in the same order as messages. */
  recall: [event: RecallEvent];
  /** An entry about a message: an edit, a reaction, a pin, a withdrawal; in the same order too. */
  update: [event: UpdateEvent];
  /** This account has deleted messages for itself. */
  deletion: [event: DeletionEvent];
  missing: [event: MissingEvent];
  /** A message that this client sends has changed. */
  outgoing: [outgoing: Outgoing];
  read: [event: ReadEvent];
  /** Something in the list has changed; several changes come as one event. */
  conversations: [list: ConversationInfo[]];
  /** What this account is to a team, or its settings there, have changed. */
  team: [event: TeamEvent];
  /** A message for who is online only: it has no seq and is kept nowhere. */
  online_message: [message: Message];
  do_not_disturb: [what: DoNotDisturb];
  kicked: [event: Kicked];
  room: [event: RoomEvent];
  room_message: [message: RoomMessage];
  /** What happens to a registered room: who comes and goes, roles, mutes, data, the queue. */
  room_notice: [notice: RoomNoticePush];
  /** The site has lost data or is another one: what was shown of it is void, everything comes anew. */
  reset: [];
  /** Something failed without harm to the guarantees, such as the store. */
  error: [error: Error];
}

/** Events of a Conversation: those of the Client that concern it. */
export interface ConversationEvents {
  message: [message: Message, delivery: Delivery];
  recall: [event: RecallEvent];
  update: [event: UpdateEvent];
  deletion: [event: DeletionEvent];
  missing: [event: MissingEvent];
  outgoing: [outgoing: Outgoing];
  read: [event: ReadEvent];
  change: [info: ConversationInfo];
}

/** Events of a Room. */
export interface RoomEvents {
  message: [message: RoomMessage];
  /** Of a registered room; its place is among the messages. */
  notice: [notice: RoomNoticePush];
  state: [event: RoomEvent];
}
