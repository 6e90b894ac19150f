import { type Client, coreOf } from "./client";
import type { Init } from "./codec";
import type { Message } from "./types";
import { message } from "./wire";
import * as wire from "./wire.gen";

/** What to find; one of text, from and types is needed. All conditions hold together. */
export type Query = Init<wire.SearchRequest>;

/** What was found, the newest first. */
export interface Found {
  messages: Message[];
  /** Go on with it as the cursor of the same query; empty when there is no more. A page may be short and have one. */
  cursor: string;
  /** Messages are being indexed that may be missing here. */
  incomplete: boolean;
}

/** Finds messages that this account may read: in one conversation when peer names it, else in all. */
export async function searchMessages(client: Client, query: Query): Promise<Found> {
  const { calls, settings, inbox } = coreOf(client);
  const { messages, cursor, incomplete } = await calls.call(wire.search, query);
  const found = messages.filter((m) => m.seq > 0).map((m) => inbox.current(message(m, settings.account)));
  return { messages: found, cursor, incomplete };
}

/**
 * Finds accounts by the whole account (the default), its beginning, or the beginning of
 * the name; the tenant may allow only the first (403). Go on with next as after.
 */
export function searchUsers(
  client: Client,
  query: string,
  options: Init<Omit<wire.SearchUsersRequest, "query">> = {},
): Promise<wire.SearchUsersResponse> {
  return coreOf(client).calls.call(wire.searchUsers, { query, ...options });
}
