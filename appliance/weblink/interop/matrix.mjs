// Checks a Socket.IO server that behaves as echo_test.go:
//
//   node matrix.mjs URL [PART-OF-A-CASE'S-NAME]
//
// It prints a line of JSON for each case, and the count.

import { add, runAll } from "./lib/harness.mjs";
import { transports } from "./lib/transports.mjs";
import { addConnects } from "./cases/connect.mjs";
import { addDeflate } from "./cases/deflate.mjs";
import { addEnds } from "./cases/end.mjs";
import { addNamespaces } from "./cases/namespace.mjs";
import { addOrder } from "./cases/order.mjs";
import { addPayloads } from "./cases/payload.mjs";
import { addReconnects } from "./cases/reconnect.mjs";
import { addUpgrades } from "./cases/upgrade.mjs";

const url = process.argv[2];
if (!url) throw new Error("usage: node matrix.mjs URL [PART-OF-A-CASE'S-NAME]");

for (const [name, options] of Object.entries(transports)) {
  const addTo = (what, run) => add(`${name}/${what}`, run);
  for (const addSome of [addPayloads, addConnects, addNamespaces, addOrder, addEnds, addReconnects]) addSome(addTo, options, name);
}
addDeflate(add);
addUpgrades(add);
await runAll(url);
