// A chat in the terminal with nothing but the stock client:
//
//   npm install socket.io-client
//   node chat.mjs https://im.example.com APPKEY ACCOUNT TOKEN PEER

import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const [url, appKey, account, token, peer] = process.argv.slice(2);

// The login travels with every connection, also when the client reconnects by itself.
const socket = io(url, { auth: { appKey, account, token, deviceId: "terminal", platform: "PLATFORM_WEB" } });

// A request is an event; its answer is {code, body}.
async function call(event, argument) {
  const { code, body } = await socket.timeout(10_000).emitWithAck(event, argument);
  if (code !== 200) throw new Error(`${event}: ${code} ${body.note}`);
  return body;
}
const complain = (error) => console.error(error.message);

const shown = new Set(); // ids, which are strings: JSON numbers cannot hold 64 bits
function receive(m) {
  if (![m.from, m.to].includes(peer) || shown.has(m.id)) return;
  shown.add(m.id);
  if (m.type !== 1000) console.log(`${m.from}: ${m.recalled ? "(recalled)" : m.body}`); // 1000 takes another one back
}

// Each login fetches what came while nobody was here; see `sync` for many conversations.
socket.on("login", async () => {
  console.log(`logged in as ${account}`);
  const { messages = [] } = await call("history", { peer }).catch(complain) ?? {};
  messages.forEach(receive);
});
socket.on("message", ({ message }) => receive(message));
socket.on("connect_error", (e) => console.error(e.data ? `refused: ${e.data.code} ${e.data.note}` : `no connection: ${e.message}`));
socket.on("kicked", ({ reason }) => console.error(`ended by the server: ${reason}`)); // it stays disconnected
socket.on("go_away", ({ delayMs = 0 }) => setTimeout(() => socket.disconnect().connect(), delayMs)); // the node stops

// Every line is a message. Sent again with the same clientId, it would still be one.
async function send(body) {
  const { id } = await call("send", { to: peer, clientId: randomUUID(), body });
  shown.add(id);
}
let sent = Promise.resolve(); // one after another
createInterface({ input: process.stdin })
  .on("line", (body) => body && (sent = sent.then(() => send(body)).catch(complain)))
  .on("close", () => sent.then(() => socket.disconnect()));
