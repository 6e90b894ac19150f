// Checks a whole node, as gateway_test.go starts it:
//
//   node gateway.mjs URL [PART-OF-A-CASE'S-NAME]
//
// It prints a line of JSON for each case, and the count.

import { add, runAll } from "./lib/harness.mjs";
import { transports } from "./lib/transports.mjs";
import { addChats } from "./gateway/chat.mjs";
import { addErrors } from "./gateway/error.mjs";
import { addExample } from "./gateway/example.mjs";
import { addHistory } from "./gateway/history.mjs";
import { addKicks } from "./gateway/kick.mjs";
import { addLogins } from "./gateway/login.mjs";
import { addRooms } from "./gateway/room.mjs";
import { addStops } from "./gateway/stop.mjs";

const url = process.argv[2];
if (!url) throw new Error("usage: node gateway.mjs URL [PART-OF-A-CASE'S-NAME]");

for (const [name, options] of Object.entries(transports)) {
  const addTo = (what, run) => add(`${name}/${what}`, run);
  for (const addSome of [addLogins, addChats, addErrors, addRooms, addKicks, addHistory, addStops]) addSome(addTo, options, name);
}
addExample(add);
await runAll(url);
