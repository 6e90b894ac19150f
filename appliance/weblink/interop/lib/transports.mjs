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
