// A server whose configuration is refused has closed everything; stopping it then does no harm.
import { ConfigurationError, createServer } from "@sluice/core";
import { expect, test } from "vitest";

test.each([0, 1])("a start that is refused, then stopped twice, at concurrency %i", async (concurrency) => {
  const server = createServer(
    { listeners: [{ address: "127.0.0.1:0", http: { filters: ["nobody"], routes: [] } }] },
    { concurrency },
  );
  await expect(server.start()).rejects.toThrow(ConfigurationError);
  await server.stop();
  await server.stop();
});
