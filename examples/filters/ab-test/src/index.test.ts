// Buckets by weight, cookies that make them stick, routes that follow them; then proxy.yaml behind a real client.
import { httpHarness, httpFilterConformance } from "@sluice/core/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import abTest from "./index.ts";
import { runExample } from "../../../../test/support/run-example.ts";

const buckets = [
  { name: "old", weight: 75 },
  { name: "new", weight: 25 },
];

async function experiment(settings: object = {}, options: object = {}) {
  const harness = await httpHarness(abTest, { config: { name: "shop", buckets, ...settings }, ...options });
  onTestFinished(() => harness.close());
  return harness;
}

describe("a new client", () => {
  test("gets a bucket, and a cookie that remembers it", async () => {
    const harness = await experiment();
    const { headers, upstream } = await harness.request();
    const bucket = upstream?.headers["x-ab-shop"];
    expect(["old", "new"]).toContain(bucket);
    expect(headers["set-cookie"]).toBe(`ab_shop=${bucket}; Max-Age=2592000; Path=/; SameSite=Lax`);
    expect(harness.stat(`assigned.${bucket}`)).toBe(1);
  });

  test("falls to the buckets by their weights", async () => {
    const harness = await experiment({}, { seed: 7 });
    for (let i = 0; i < 1000; i++) await harness.request();
    // Three standard deviations of a draw of 1000 at 25 %.
    expect(harness.stat("assigned.new")).toBeGreaterThan(208);
    expect(harness.stat("assigned.new")).toBeLessThan(292);
    expect(harness.stat("assigned.new") + harness.stat("assigned.old")).toBe(1000);
  });

  test("cannot choose by the header", async () => {
    const harness = await experiment({
      buckets: [
        { name: "old", weight: 1 },
        { name: "new", weight: 0 },
      ],
    });
    const { upstream } = await harness.request({ headers: { "x-ab-shop": "new" } });
    expect(upstream?.headers["x-ab-shop"]).toBe("old");
  });
});

describe("a client that comes back", () => {
  test.each([
    [{ cookie: "ab_shop=new" }],
    [{ cookie: "a=b; ab_shop=new; c=d" }],
    [{ cookie: ["session=1", "ab_shop=new"] }],
    [{ cookie: "ab_shop=gone; ab_shop=new" }],
  ])("is in its bucket, and gets no other cookie: %j", async (headers) => {
    const harness = await experiment({
      buckets: [
        { name: "old", weight: 999_999 },
        { name: "new", weight: 1 },
      ],
    });
    const response = await harness.request({ headers });
    expect(response.upstream?.headers["x-ab-shop"]).toBe("new");
    expect(response.headers["set-cookie"]).toBeUndefined();
    expect(harness.stat("returning")).toBe(1);
  });

  test.each(["ab_shop=gone", "ab_shop=", "xab_shop=new", "ab_shop=new2"])(
    "with the cookie %s is new",
    async (cookie) => {
      const harness = await experiment({
        buckets: [
          { name: "old", weight: 1 },
          { name: "new", weight: 0 },
        ],
      });
      const response = await harness.request({ headers: { cookie } });
      expect(response.headers["set-cookie"]).toContain("ab_shop=old");
    },
  );

  test("is divided anew when its bucket is closed", async () => {
    const harness = await experiment({
      buckets: [
        { name: "old", weight: 1 },
        { name: "new", weight: 0 },
      ],
    });
    const response = await harness.request({ headers: { cookie: "ab_shop=new" } });
    expect(response.headers["set-cookie"]).toContain("ab_shop=old");
  });
});

describe("a route", () => {
  test("may put everybody into one bucket", async () => {
    const harness = await experiment({}, { routeConfig: { bucket: "new" } });
    const response = await harness.request({ headers: { cookie: "ab_shop=old" } });
    expect([response.upstream?.headers["x-ab-shop"], response.headers["set-cookie"]]).toEqual(["new", undefined]);
  });
});

test("the response keeps the cookies of the upstream", async () => {
  const harness = await experiment();
  const { headerList } = await harness.request({}, () => ({ headers: { "set-cookie": "mine=1" } }));
  expect(headerList.filter(([name]) => name === "set-cookie")).toHaveLength(2);
});

test.each([
  [{ buckets: [buckets[0]] }, "buckets"],
  [{ buckets: [buckets[0], buckets[0]] }, 'a second bucket "old"'],
  [{ buckets: buckets.map(({ name }) => ({ name, weight: 0 })) }, "expected a bucket with a weight above 0"],
  [{ name: "a b" }, "expected letters"],
  [{ cookie: "a=b" }, "expected letters"],
  [{ domain: "x; Secure" }, "expected a domain"],
  [{ path: "/日" }, "expected a path"],
  [{ path: "/a\u007f" }, "expected a path"],
])("%j is refused", async (settings, why) => {
  await expect(httpHarness(abTest, { config: { name: "shop", buckets, ...settings } })).rejects.toThrow(why);
});

test("proxy.yaml behind a client: the cookie chooses the route, and is kept", async () => {
  const { front } = (await runExample(new URL("../proxy.yaml", import.meta.url))).addresses;
  const get = (headers: Record<string, string>) => fetch(`http://${front}/`, { headers });
  const first = await get({});
  const cookie = first.headers.get("set-cookie")!.split(";", 1)[0]!;
  const text = await first.text();
  expect(text).toBe(cookie === "ab_checkout=new" ? "the new checkout\n" : "the old checkout\n");
  for (let visit = 0; visit < 20; visit++) expect(await (await get({ cookie })).text()).toBe(text);
  expect(await (await get({ cookie: "ab_checkout=new" })).text()).toBe("the new checkout\n");
});

describe("conformance", () => {
  const requests = [{}, { headers: { cookie: "ab_shop=new" } }];
  for (const check of httpFilterConformance(abTest, { config: { name: "shop", buckets }, requests }))
    test(check.name, check.run);
});
