// The ways to a server: options of the stock client.

import { Fetch } from "socket.io-client";

export const transports = {
  websocket: { transports: ["websocket"] },
  polling: { transports: ["polling"] },
  upgrade: { transports: ["polling", "websocket"] },
  fetch: { transports: [Fetch] }, // polling as new browsers do it
};

/** Waits until a connection that may has changed to WebSocket. */
export async function upgraded(t, socket) {
  const { engine } = socket.io;
  if (engine.transport.name !== "websocket") await t.once(engine, "upgrade");
}

/**
 * Waits until nothing is under way on a connection, before its network is cut: engine.io-client 6.6.8 forgets to poll
 * when the WebSocket that it changes to breaks before its last poll is answered. It does not notice until the server's
 * heartbeat is missing.
 */
export async function settled(t, socket) {
  if (socket.io.opts.transports.length > 1) await upgraded(t, socket);
}

/** Waits until a client whose connection may break any moment is answered. */
export function served(t, socket) {
  return t.until("the client is served", () => socket.timeout(2_000).emitWithAck("message-with-ack", true).catch(() => false));
}
