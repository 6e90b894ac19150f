// A tenant's backend: calls of the HTTP API.

import { createHash, randomUUID } from "node:crypto";

/** Runs an action for tenant, {appKey, appSecret}, and returns the answer, whose code is 200. */
export async function api(url, tenant, action, parameters) {
  const nonce = randomUUID();
  const curTime = String(Math.floor(Date.now() / 1000));
  const response = await fetch(`${url}/nimserver/${action}.action`, {
    method: "POST",
    headers: {
      AppKey: tenant.appKey,
      Nonce: nonce,
      CurTime: curTime,
      CheckSum: createHash("sha1").update(tenant.appSecret + nonce + curTime).digest("hex"),
    },
    body: new URLSearchParams(parameters),
  });
  const answer = await response.json();
  if (answer.code !== 200) throw new Error(`${action}: ${JSON.stringify(answer)}`);
  return answer;
}
