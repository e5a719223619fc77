// Hosts that report their load over real sockets: in text, in gRPC's binary header, in trailers; each gets what it says that it can do.
import { expect, test } from "vitest";
import { HttpOrigin, type Answer } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";

/** OrcaLoadReport: cpu_utilization 1, rps_fractional as told. */
function binaryReport(rate: number): string {
  const bytes = Buffer.alloc(18);
  bytes[0] = 0x09;
  bytes.writeDoubleLE(1, 1);
  bytes[9] = 0x31;
  bytes.writeDoubleLE(rate, 10);
  return bytes.toString("base64");
}

const ANSWERS: readonly Answer[] = [
  (_, response) => {
    response.setHeader("endpoint-load-metrics", "TEXT cpu_utilization=1,rps_fractional=100");
    response.end("0");
  },
  (_, response) => {
    response.setHeader("endpoint-load-metrics-bin", binaryReport(300));
    response.end("1");
  },
  (_, response) => {
    response.setHeader("trailer", "endpoint-load-metrics");
    response.write("2");
    response.addTrailers({ "endpoint-load-metrics": 'JSON {"cpuUtilization":1,"rpsFractional":600}' });
    response.end();
  },
];

test("requests go by what hosts report", async () => {
  await using first = await HttpOrigin.start(ANSWERS[0]);
  await using second = await HttpOrigin.start(ANSWERS[1]);
  await using third = await HttpOrigin.start(ANSWERS[2]);
  const endpoints = [first, second, third].map(({ address }) => address);
  const load_balancing = { policy: "client_side_weighted_round_robin", blackout: "0s", update_period: "0.1s" } as const;
  await using proxy = await startProxy(forwardTo("", { cluster: { endpoints, load_balancing, trailers: true } }));
  const batch = async (): Promise<number[]> => {
    const counts = [0, 0, 0];
    for (let i = 0; i < 40; i++) counts[Number((await send(proxy.port, "/")).text)]!++;
    return counts;
  };
  // Until the first weights are taken over all are alike: each has reported by then. Forty turns are 4, 12 and 24, wherever they begin.
  let counts = await batch();
  while (Math.abs(counts[0]! - 4) > 1 || Math.abs(counts[1]! - 12) > 1) counts = await batch();
  expect(counts[2]).toBeGreaterThanOrEqual(22);
  const { body } = await proxy.admin.get("/clusters");
  for (const [i, weight] of [100, 300, 600].entries())
    expect(body).toContain(`web::${endpoints[i]}::load_weight::${weight}\n`);
  expect(body).toContain("web::load_balancing::client_side_weighted_round_robin\n");
});

test("reports that are none are counted, and change nothing", async () => {
  await using origin = await HttpOrigin.start((_, response) => {
    response.setHeader("endpoint-load-metrics", "TEXT cpu_utilization=lots");
    response.end("ok");
  });
  const load_balancing = "client_side_weighted_round_robin" as const;
  await using proxy = await startProxy(forwardTo(origin.address, { cluster: { load_balancing } }));
  for (let i = 0; i < 3; i++) {
    const answer = await send(proxy.port, "/");
    expect([answer.text, answer.headers["endpoint-load-metrics"]]).toEqual(["ok", "TEXT cpu_utilization=lots"]);
  }
  const { body } = await proxy.admin.get("/clusters");
  expect(body).toContain(`web::${origin.address}::load_report_errors::3\n`);
  expect(body).toContain(`web::${origin.address}::load_reports::0\n`);
  expect((await proxy.admin.get("/stats")).body).toContain("cluster.web.lb_load_report_errors: 3\n");
});
