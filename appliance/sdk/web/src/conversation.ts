import type { Emitter } from "./emitter";
import type { Content, ConversationEvents, ConversationInfo, HistoryPage, Outgoing } from "./types";

export declare class Conversation extends Emitter<ConversationEvents> {
  readonly peer: string;
  readonly info: ConversationInfo;
  history(before?: number, limit?: number): Promise<HistoryPage>;
  send(content: string | Content): Outgoing;
  pending(): Outgoing[];
  retry(clientId: string): void;
  discard(clientId: string): void;
  markRead(seq?: number): Promise<void>;
  recall(seq: number, note?: string): Promise<void>;
}
