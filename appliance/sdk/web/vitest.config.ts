import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Longer than the patience of the tests' own waiting, which says what it waited for.
    testTimeout: 40_000,
    hookTimeout: 20_000,
  },
});
