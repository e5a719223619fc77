import { reply } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import type { HcmModel, LocalRepliesModel, LocalReplyMapperModel } from "../../config/model.ts";
import { type HarnessFilter, HttpHarness, ScriptedTerminal } from "../../testing/http-harness.ts";

type Reply = Parameters<typeof reply>[0];

const status = (op: "eq" | "ge", value: number) =>
  ({ kind: "status_code", comparison: { op, value, runtimeKey: "" } }) as const;

function mapper(rest: Partial<LocalReplyMapperModel>): LocalReplyMapperModel {
  return {
    filter: status("ge", 200),
    status: 0,
    body: null,
    bodyFormat: null,
    headers: { add: [], remove: [] },
    ...rest,
  };
}

const text = (format: string, contentType = "text/plain") =>
  ({ format: { kind: "text", text: format }, omitEmpty: false, contentType }) as const;

/** What the client gets of a filter's reply. */
async function answer(
  localReplies: LocalRepliesModel | null,
  options: Reply,
  headers: Record<string, string> = {},
  hcm: Partial<HcmModel> = {},
) {
  const replying: HarnessFilter = { hooks: { onRequestHeaders: () => reply(options) } };
  const harness = new HttpHarness([replying, new ScriptedTerminal().filter], { hcm: { localReplies, ...hcm } });
  const { sent, stream } = await harness.request(headers);
  const upgrades = (harness.manager.stats.cxUpgradesTotal as unknown as { readonly value: number }).value;
  return { ...sent, details: stream.details, loggedStatus: stream.status, isOver: stream.over, upgrades };
}

describe("local replies", () => {
  it("are what the first mapper makes of them whose condition holds", async () => {
    const config = {
      mappers: [
        mapper({ filter: status("eq", 404), status: 410, body: "gone" }),
        mapper({ filter: status("ge", 400), status: 418 }),
      ],
      body: null,
    };
    const gone = await answer(config, { status: 404, body: "not here", details: "mine" });
    expect(gone).toMatchObject({ status: 410, body: "gone", details: "mine", loggedStatus: 410 });
    expect(gone.headers).toMatchObject({ "content-length": "4", "content-type": "text/plain" });
    expect(await answer(config, { status: 500, body: "no" })).toMatchObject({ status: 418, body: "no" });
    const untouched = await answer(config, { status: 302, headers: { location: "/x" } });
    expect(untouched).toMatchObject({ status: 302, body: "", headers: { location: "/x", "content-length": "0" } });
  });

  it("have bodies of one form, in which the reply's own is a part", async () => {
    const config = {
      mappers: [mapper({ filter: status("eq", 503), bodyFormat: text("<%LOCAL_REPLY_BODY%>", "text/html") })],
      body: text("%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %REQ(:path)%: %LOCAL_REPLY_BODY%\n"),
    };
    const plain = await answer(config, { status: 429, body: "slow down", details: "limited" }, { ":path": "/a" });
    expect(plain.body).toBe("429 limited /a: slow down\n");
    const html = await answer(config, { status: 503, body: "b", headers: { "content-type": "text/x" } });
    expect(html).toMatchObject({ body: "<b>", headers: { "content-type": "text/html", "content-length": "3" } });
  });

  it("may be JSON, whatever is in them", async () => {
    const json = { error: { code: "%RESPONSE_CODE%", text: "%LOCAL_REPLY_BODY%", who: "%REQ(x-none)%" } };
    const body = { format: { kind: "json", json, sortKeys: false }, omitEmpty: true, contentType: "application/json" };
    const { body: sent, headers } = await answer({ mappers: [], body: body as never }, { status: 400, body: 'é "\n' });
    expect(JSON.parse(Buffer.from(sent, "latin1").toString("utf8"))).toEqual({ error: { code: 400, text: 'é "\n' } });
    expect(headers["content-type"]).toBe("application/json");
    expect(headers["content-length"]).toBe(String(sent.length));
  });

  it("get headers besides, made of the request", async () => {
    const add = [
      { name: "x-path", value: "%REQ(:path)%", action: "append", keepEmpty: false },
      { name: "x-own", value: "ours", action: "overwrite_or_add", keepEmpty: false },
    ] as const;
    const config = { mappers: [mapper({ headers: { add, remove: [] } })], body: null };
    const { headers } = await answer(config, { status: 400, headers: { "x-own": "theirs" } }, { ":path": "/a" });
    expect(headers).toMatchObject({ "x-path": "/a", "x-own": "ours" });
  });

  it("keep their framing, whatever headers are added", async () => {
    const add = [
      { name: "content-length", value: "999", action: "append", keepEmpty: false },
      { name: "transfer-encoding", value: "chunked", action: "append", keepEmpty: false },
    ] as const;
    const config = { mappers: [mapper({ headers: { add, remove: [] } })], body: null };
    const { headers } = await answer(config, { status: 400, body: "four" });
    expect([headers["content-length"], headers["transfer-encoding"]]).toEqual(["4", undefined]);
    const grpc = await answer(config, { status: 400 }, { "content-type": "application/grpc", ":method": "POST" });
    expect([grpc.headers["content-length"], grpc.headers["transfer-encoding"]]).toEqual([undefined, undefined]);
    const none = await answer(config, { status: 204 });
    expect([none.headers["content-length"], none.headers["transfer-encoding"]]).toEqual([undefined, undefined]);
  });

  it("of success to CONNECT open no tunnel and end", async () => {
    const hcm = { upgrades: [{ type: "connect", enabled: true }] };
    const connect = { ":method": "CONNECT", ":path": "", ":authority": "a.example:443" };
    const sent = await answer(null, { status: 200, body: "hello" }, connect, hcm);
    expect(sent).toMatchObject({ ended: true, loggedStatus: 200, isOver: true, upgrades: 0 });
    const mapped = { mappers: [mapper({ status: 200 })], body: null };
    expect(await answer(mapped, { status: 403 }, connect, hcm)).toMatchObject({ ended: true, isOver: true });
  });

  it("keep the content type of a body that nothing has changed", async () => {
    const config = { mappers: [], body: text("%LOCAL_REPLY_BODY%", "text/html") };
    const { headers } = await answer(config, { status: 200, body: "{}", headers: { "content-type": "application/x" } });
    expect(headers["content-type"]).toBe("application/x");
  });

  it("to gRPC are statuses, of the mapped status and with the formatted text", async () => {
    const config = {
      mappers: [mapper({ filter: status("eq", 403), status: 401 })],
      body: text("no: %LOCAL_REPLY_BODY%"),
    };
    const {
      status: http,
      headers,
      body,
    } = await answer(config, { status: 403, body: "100%" }, { "content-type": "application/grpc", ":method": "POST" });
    expect([http, body]).toEqual([200, ""]);
    expect(headers).toMatchObject({ "grpc-status": "16", "grpc-message": "no: 100%25" });
  });

  it("have no body where there may be none, and the length of one to HEAD", async () => {
    const config = { mappers: [mapper({ filter: status("eq", 200), status: 204 })], body: text("x") };
    const none = await answer(config, { status: 200, body: "hello" });
    expect(none).toMatchObject({ status: 204, body: "" });
    expect(none.headers["content-length"]).toBeUndefined();
    const head = await answer({ mappers: [], body: text("four") }, { status: 400 }, { ":method": "HEAD" });
    expect(head).toMatchObject({ body: "", headers: { "content-length": "4" } });
  });

  it("are judged by flags and headers of the request as logs are", async () => {
    const flagged = mapper({ filter: { kind: "response_flag", flags: ["RL"] }, status: 503 });
    const config = { mappers: [flagged], body: null };
    expect((await answer(config, { status: 429, flag: "RL" })).status).toBe(503);
    expect((await answer(config, { status: 429 })).status).toBe(429);
  });
});

describe("the proxy-status header", () => {
  const proxyStatus = { name: "edge 1", withDetails: true, withTermination: true, withFlags: true, setsStatus: false };

  it("tells of responses that went wrong, and of no others", async () => {
    const failed = await answer(null, { status: 503, flag: "UH", details: "no_healthy_upstream" }, {}, { proxyStatus });
    expect(failed.headers["proxy-status"]).toBe(
      '"edge 1"; error=destination_unavailable; details="no_healthy_upstream; UH"',
    );
    expect((await answer(null, { status: 403 }, {}, { proxyStatus })).headers["proxy-status"]).toBeUndefined();
  });

  it("joins what proxies behind have said, tells less, and sets the recommended status, as configured", async () => {
    const quiet = { ...proxyStatus, name: "edge", withDetails: false, setsStatus: true };
    const {
      headers,
      status: sent,
      loggedStatus,
    } = await answer(
      null,
      { status: 503, flag: "UT", headers: { "proxy-status": "inner" } },
      {},
      { proxyStatus: quiet },
    );
    expect(headers["proxy-status"]).toBe("inner, edge; error=http_response_timeout");
    expect([sent, loggedStatus]).toEqual([504, 504]);
  });
});
