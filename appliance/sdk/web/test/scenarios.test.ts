// The scenarios against the fake site, and against a real node when
// YIZHAN_TEST_URL names its origin (and YIZHAN_TEST_APPKEY, YIZHAN_TEST_ALICE and
// YIZHAN_TEST_BOB are set, the latter two as account:token). web_test.go does that.

import { afterAll, beforeAll, describe, test } from "vitest";
import { domains } from "./domains";
import { type Place, Stage, scenarios } from "./scenarios";
import { services } from "./services";
import { Site } from "./site";

const {
  YIZHAN_TEST_BACKEND,
  YIZHAN_TEST_URL,
  YIZHAN_TEST_APPKEY = "demo",
  YIZHAN_TEST_ALICE = "",
  YIZHAN_TEST_BOB = "",
} = process.env;

function run(place: () => Place, all = scenarios): void {
  test.each(all)("$name", { timeout: 120_000 }, async ({ run }) => {
    const stage = new Stage(place());
    try {
      await run(stage);
    } finally {
      await stage.close();
    }
  });
}

describe("the fake site", () => {
  let site: Site;
  beforeAll(async () => {
    site = await Site.start();
    site.perPlatform = true;
  });
  afterAll(() => site.close());
  run(() => ({
    site: { appKey: "demo", lbs: `${site.origin}/lbs`, insecure: true },
    alice: { account: "alice", token: "alice" },
    bob: { account: "bob", token: "bob" },
  }));
});

describe.skipIf(!YIZHAN_TEST_URL)("a real node", () => {
  const user = (s: string) => ({ account: s.slice(0, s.indexOf(":")), token: s.slice(s.indexOf(":") + 1) });
  const place = () => ({
    site: { appKey: YIZHAN_TEST_APPKEY, endpoint: YIZHAN_TEST_URL! },
    alice: user(YIZHAN_TEST_ALICE),
    bob: user(YIZHAN_TEST_BOB),
    ...(YIZHAN_TEST_BACKEND && { backend: YIZHAN_TEST_BACKEND }),
  });
  run(
    place,
    [...scenarios, ...domains, ...services].filter((one) => YIZHAN_TEST_BACKEND || !one.backend),
  );
});
