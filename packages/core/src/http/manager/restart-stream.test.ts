import type { RequestHeaders, RestartedRequest } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import type { HcmModel } from "../../config/model.ts";
import { type HarnessFilter, HttpHarness, ScriptedTerminal } from "../../testing/http-harness.ts";

/** A request with a body whose terminal filter starts it anew; `retold` is what becomes of it then. */
function restarted(
  retold: (headers: RequestHeaders) => void,
  hcm: Partial<HcmModel> = {},
  before: HarnessFilter[] = [],
) {
  const terminal = new ScriptedTerminal();
  const harness = new HttpHarness([...before, terminal.filter], { hcm });
  const client = harness.open().headers({ ":method": "PUT", "content-type": "application/grpc" }, false);
  client.data("abc", true);
  const handle = terminal.handle!;
  const headers = handle.copyRequestHeaders();
  retold(headers);
  const request: RestartedRequest = {
    headers,
    body: [Buffer.from("abc")],
    trailers: null,
    response: handle.newResponse(302),
    details: "internal_redirect",
    inheritance: "handed over",
  };
  terminal.handle = null;
  expect(handle.restart(request)).toBe(true);
  return { client, terminal, harness, first: handle };
}

describe("a request that is started anew", () => {
  it("has come whole: an answer before its body is passed on spoils no connection", () => {
    const { client, terminal, harness } = restarted((headers) => {
      headers.path = "*";
    });
    expect(terminal.handle).toBeNull();
    expect(client.sent).toMatchObject({ ended: true, closesAfter: false });
    const { value } = harness.manager.stats.rqResponseBeforeComplete as unknown as { readonly value: number };
    expect(value).toBe(0);
  });

  it("is gRPC if it came so, whatever filters have made of its headers", () => {
    const { client, terminal } = restarted((headers) => headers.set("content-type", "text/plain"));
    expect(terminal.body).toBe("abcabc");
    terminal.handle!.reply({ status: 403 });
    expect(client.sent).toMatchObject({ status: 200, headers: { "grpc-status": "7" } });
  });

  it("counts as a request of its connection", () => {
    const { client, terminal } = restarted(() => {}, { maxRequestsPerConnection: 2 });
    terminal.respond(200);
    expect(client.sent).toMatchObject({ status: 200, closesAfter: true });
  });

  it("has what was handed over, and ends with the client's going", () => {
    const { client, terminal, first } = restarted(() => {});
    expect(terminal.handle!.inheritance).toBe("handed over");
    expect(first.restart({} as RestartedRequest)).toBe(false);
    client.abort();
    expect(terminal.destroyed).toBe(2);
    expect(client.sent.frames).toEqual([]);
  });

  it("hears that the client's socket is full, though the codec knows the first stream alone", () => {
    const { client, terminal } = restarted(() => {});
    const heard: string[] = [];
    const { response } = terminal.handle!;
    response.watch({ onAboveHighWatermark: () => heard.push("full"), onBelowLowWatermark: () => heard.push("room") });
    client.clientSlow().clientFast();
    expect(heard).toEqual(["full", "room"]);
  });
});
