// A filter that runs in threads of its own is swapped like any other.
import { expect, test } from "vitest";
import { WatchedProxy, configOf, filterOf } from "./support/watched-proxy.ts";

const portable = (word: string) =>
  filterOf(word).replace('security: "unknown",', 'security: "unknown",\n  portable: true,');

test.each([0, 1])("an isolated filter, with concurrency %i", async (concurrency) => {
  await using proxy = await WatchedProxy.start(
    { "proxy.yaml": configOf("{ acme.http.word: {}, runtime: worker }"), "filter.ts": portable('"one"') },
    { concurrency },
  );
  expect(await proxy.word()).toBe("one");
  await proxy.after(() => proxy.files.write("filter.ts", portable('"two"')));
  expect(await proxy.word()).toBe("two");
  const lines = await proxy.after(() => proxy.files.write("filter.ts", portable("unknownName")));
  expect(lines.at(-1)).toContain("swapped in");
  await proxy.word();
  expect(proxy.lines.join("\n")).toContain("unknownName is not defined");
});
