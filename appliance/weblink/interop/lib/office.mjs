// Accounts and their devices, for cases about a whole node.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { api } from "./backend.mjs";

const tenants = new Map(); // by device policy; made once

async function tenantOf(t, policy) {
  if (!tenants.has(policy)) tenants.set(policy, t.desk("POST", `/tenant?policy=${policy}`));
  return tenants.get(policy);
}

/** A new account: {tenant, name, token}. */
export async function account(t, { policy = "per-platform" } = {}) {
  const tenant = await tenantOf(t, policy);
  const name = `u${randomUUID().replaceAll("-", "").slice(0, 20)}`;
  const { info } = await api(t.url, tenant, "user/create", { accid: name });
  return { tenant, name, token: info.token };
}

/** What a device logs in with. */
export function credentials({ tenant, name, token }, more = {}) {
  return { appKey: tenant.appKey, account: name, token, deviceId: `device of ${name}`, platform: "PLATFORM_WEB", ...more };
}

/** A device of who, that is about to connect. Its `told` are all events, in order. */
export function device(t, options, who, { auth, url } = {}) {
  const s = t.socket(options, { url, auth: credentials(who, auth) });
  s.told = [];
  s.onAny((event, argument) => s.told.push([event, argument]));
  return s;
}

/** A device of who that is logged in. `me` is what it learned. */
export async function login(t, options, who, more) {
  const s = device(t, options, who, more);
  const [me] = await t.once(s, "login");
  s.me = me;
  return s;
}

/** Sends a request and returns the body of the answer, whose code must be as wanted. */
export async function call(t, s, event, argument = {}, want = 200) {
  const { code, body } = await t.ask(s, event, argument);
  assert.equal(code, want, `${event}: ${code} ${JSON.stringify(body)}`);
  return body;
}

/** Sends a message. */
export function send(t, s, to, body, more) {
  return call(t, s, "send", { to: to.name, clientId: randomUUID(), body, ...more });
}
