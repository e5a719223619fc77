// What the short form takes of the filters that guard upstreams, as their pages and docs/overload.md show it.
import { expect, test } from "vitest";
import { HttpOrigin } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";

test("filters with nothing but what they are for", async () => {
  await using origin = await HttpOrigin.start();
  const filters = [
    { admission_control: { success_rate: 90, max_rejection: 50, min_rps: 5 } },
    { adaptive_concurrency: {} },
    { bandwidth_limit: { limit_kbps: 10_240 } },
    { fallback: { respond: { body: "back in a minute" } } },
  ];
  await using proxy = await startProxy(forwardTo(origin.address, { http: { filters } }));
  expect((await send(proxy.port, "/", { method: "POST", body: "x" })).status).toBe(200);
  const { admin } = proxy;
  expect(await admin.stat("http.front.admission_control.rq_success")).toBe(1);
  expect(await admin.stat("http.front.adaptive_concurrency.gradient_controller.concurrency_limit")).toBe(3);
  expect(await admin.stat("bandwidth_limit.http_bandwidth_limit.request_allowed_total_size")).toBe(1);
});

test.each([
  [{ success_rate: "90" }, /success_rate.*a number/],
  [{ success_rate: 0.5 }, /success_rate.*expected a number from 1 to 100/],
  [{ max_rejection: 101 }, /max_rejection/],
  [{ success_rate: 90, sr_threshold: { default_value: { value: 80 } } }, /success_rate and sr_threshold are both set/],
])("words of admission_control that are wrong are told at their place: %j", async (admission_control, message) => {
  const config = forwardTo("127.0.0.1:1", { http: { filters: [{ admission_control }] } });
  await expect(startProxy(config)).rejects.toThrow(message);
});

const LOOKAHEAD = { headers: [{ name: "x", string_match: { safe_regex: { regex: "(?=a)" } } }] };
const limits = { rate_limits: [{ actions: [{ header_value_match: { descriptor_value: "a", ...LOOKAHEAD } }] }] };

test.each([
  ["fault", LOOKAHEAD],
  ["local_ratelimit", { token_bucket: { max_tokens: 1, fill_interval: "1s" }, ...limits }],
])(
  "a pattern that RE2 does not know is told before any request meets it: %s, of the filter and of a route",
  async (name, bad) => {
    const good = name === "fault" ? {} : { token_bucket: { max_tokens: 1, fill_interval: "1s" } };
    const ofFilter = forwardTo("127.0.0.1:1", { http: { filters: [{ [name]: bad } as never] } });
    const ofRoute = forwardTo("127.0.0.1:1", {
      http: { filters: [{ [name]: good } as never] },
      route: { filters: { [name]: bad } as never },
    });
    for (const config of [ofFilter, ofRoute])
      await expect(startProxy(config)).rejects.toThrow(/headers\[0\].*regular expression.*lookaround/s);
  },
);
