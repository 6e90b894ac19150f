// Rooms.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { account, call, login } from "../lib/office.mjs";
import { settled, transports } from "../lib/transports.mjs";
import { same } from "../lib/values.mjs";

export function addRooms(add, options) {
  add("room", async (t) => {
    const room = `大厅-${randomUUID()}`;
    const people = await Promise.all([account(t), account(t), account(t)]);
    const [a, b, c] = await Promise.all(people.map((who, i) => login(t, [options, ...Object.values(transports)][i], who)));
    assert.equal((await call(t, a, "enter_room", { room })).members, 1);
    assert.equal((await call(t, b, "enter_room", { room })).members, 2);
    assert.equal((await call(t, c, "enter_room", { room })).members, 3);

    // What two say at the same time, everybody hears in the same order.
    const n = 50;
    const heard = [t.take(a, "room_message", n), t.take(b, "room_message", n), t.take(c, "room_message", 2 * n)];
    const said = [];
    for (let i = 0; i < n; i++) {
      said.push(call(t, a, "send_room", { room, body: `a${i} 🎉` }), call(t, b, "send_room", { room, body: `b${i} 你好` }));
    }
    await Promise.all(said);
    const [byA, byB, byC] = (await Promise.all(heard)).map((list) => list.map(([m]) => m));
    const bodies = (list) => list.map((m) => m.body);
    same(bodies(byA), bodies(byC).filter((body) => body.startsWith("b")), "what a heard");
    same(bodies(byB), bodies(byC).filter((body) => body.startsWith("a")), "what b heard");
    for (const list of [byA, byB]) same(bodies(list).map((body) => parseInt(body.slice(1))), Array.from({ length: n }, (_, i) => i));
    same([byA[0].room, byA[0].from], [room, people[1].name]);

    // Who has left hears nothing and says nothing.
    await call(t, b, "exit_room", { room });
    await call(t, b, "send_room", { room, body: "from outside" }, 403);
    const last = t.once(c, "room_message");
    await call(t, a, "send_room", { room, body: "the last" });
    assert.equal((await last)[0].body, "the last");
    await call(t, b, "sync"); // what was pushed before it has come by now
    same(b.told.filter(([event]) => event === "room_message").length, n);
  });

  add("a room after a reconnect", async (t) => {
    const room = randomUUID();
    const [alice, bob] = await Promise.all([account(t), account(t)]);
    const cable = await t.cable();
    const a = await login(t, options, alice);
    const b = await login(t, options, bob, { url: cable.url });
    b.on("login", () => b.emit("enter_room", { room })); // membership ends with the session
    await call(t, a, "enter_room", { room });
    await call(t, b, "enter_room", { room });
    await settled(t, b);
    const again = t.once(b, "login");
    await cable.down();
    await cable.cut();
    await cable.up();
    await again;
    await call(t, b, "sync"); // behind enter_room
    const got = t.once(b, "room_message");
    await call(t, a, "send_room", { room, body: "welcome back" });
    assert.equal((await got)[0].body, "welcome back");
  });
}
