// A hook that ends its stream or connection before its first await, and is rejected later: nobody looks at the promise, and it ends no process.
import { httpHarness, networkHarness } from "@sluice/core/testing";
import { defineHttpFilter, defineNetworkFilter } from "@sluice/sdk";
import { afterEach, beforeEach, expect, test } from "vitest";

const common = { maturity: "alpha", security: "unknown", config: { type: "object" } } as const;
const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);

beforeEach(() => void process.on("unhandledRejection", note));
afterEach(() => {
  process.off("unhandledRejection", note);
  unhandled.length = 0;
});

const hooks = [
  "onRequestHeaders",
  "onRequestData",
  "onRequestTrailers",
  "onResponseHeaders",
  "onResponseData",
] as const;

test.each(hooks)("%s", async (hook) => {
  const ending = defineHttpFilter({
    ...common,
    id: "test.http.ending",
    create: () => ({
      [hook]: async (...parameters: readonly unknown[]) => {
        (parameters.at(-1) as { reset(): void }).reset();
        throw new Error("after the end");
      },
    }),
  });
  const h = await httpHarness(ending, { upstream: () => ({ body: "ok" }) });
  const response = await h.request({ method: "POST", chunks: ["a"], trailers: { "x-a": "b" } });
  await h.settle();
  expect([response.ended, unhandled]).toEqual([false, []]);
  await h.close();
});

test("a body that is larger than it may be before its hook returns", async () => {
  const limiting = defineHttpFilter({
    ...common,
    id: "test.http.limiting",
    create: () => ({
      async onRequestHeaders(_headers, _end, stream) {
        await stream.request.body(-1);
      },
    }),
  });
  const h = await httpHarness(limiting);
  const response = await h.request({ body: "a" });
  await h.settle();
  expect([response.status, unhandled]).toEqual([413, []]);
  await h.close();
});

test.each(["onNewConnection", "onData"] as const)("%s", async (hook) => {
  const ending = defineNetworkFilter({
    ...common,
    id: "test.network.ending",
    create: () => ({
      [hook]: async (...parameters: readonly unknown[]) => {
        (parameters.at(-1) as { close(kind: "abort"): void }).close("abort");
        throw new Error("after the end");
      },
    }),
  });
  const h = await networkHarness(ending);
  const client = h.connect();
  client.send("hello");
  await h.settle();
  expect(unhandled).toEqual([]);
  await h.close();
});
