/** The rules of the chain engine, one scenario each, with filters made to try them. */
import { Continue, type HttpStream, Stop, StopAndBuffer, StopAndWatermark, reply } from "@sluice/sdk";
import { type HarnessFilter, HttpHarness, ScriptedTerminal } from "@sluice/core/testing";
import { describe, expect, it } from "vitest";

function tracer(name: string, trace: string[]): HarnessFilter {
  return {
    name,
    hooks: {
      onRequestHeaders: () => void trace.push(`${name}:request`),
      onResponseHeaders: () => void trace.push(`${name}:response`),
      onStreamComplete: () => void trace.push(`${name}:complete`),
      onDestroy: () => void trace.push(`${name}:destroy`),
    },
  };
}

describe("order", () => {
  it("runs request hooks in configuration order, response hooks in reverse, then complete, then destroy", async () => {
    const trace: string[] = [];
    const terminal = new ScriptedTerminal();
    const harness = new HttpHarness([tracer("a", trace), tracer("b", trace), terminal.filter]);
    const stream = await harness.request();
    terminal.respond(200, {}, false).data("hello", true);
    expect(trace).toEqual([
      "a:request",
      "b:request",
      "b:response",
      "a:response",
      "a:complete",
      "b:complete",
      "a:destroy",
      "b:destroy",
    ]);
    expect(stream.sent).toMatchObject({ status: 200, body: "hello", ended: true });
    expect(terminal.destroyed).toBe(1);
  });
});

describe("stop", () => {
  it("holds headers while the filter is still called with the body, until a data hook continues", async () => {
    const terminal = new ScriptedTerminal();
    const seen: string[] = [];
    const harness = new HttpHarness([
      {
        hooks: {
          onRequestHeaders: () => Stop,
          onRequestData: (data, end) => {
            seen.push(Buffer.from(data).toString());
            return end ? Continue : Stop;
          },
        },
      },
      terminal.filter,
    ]);
    const stream = harness.open().headers({}, false).data("one ").data("two ");
    expect(terminal.frames).toEqual([]);
    stream.data("three", true);
    expect(seen).toEqual(["one ", "two ", "three"]);
    expect(terminal.frames[0]).toBe("headers");
    expect(terminal.body).toBe("one two three");
    expect(terminal.ended).toBe(true);
  });

  it("goes on after resume() from a timer", () => {
    const terminal = new ScriptedTerminal();
    const harness = new HttpHarness([
      {
        hooks: {
          onRequestHeaders: (_headers: unknown, _end: boolean, stream: HttpStream) => {
            stream.setTimer((s) => s.request.resume(), 50);
            return Stop;
          },
        },
      },
      terminal.filter,
    ]);
    harness.open().headers();
    harness.advance(40);
    expect(terminal.frames).toEqual([]);
    harness.advance(20);
    expect(terminal.frames).toEqual(["headers", "end"]);
  });

  it("buffers up to the limit and answers 413 beyond", () => {
    const terminal = new ScriptedTerminal();
    const harness = new HttpHarness([{ hooks: { onRequestHeaders: () => StopAndBuffer } }, terminal.filter], {
      bufferLimitBytes: 10,
    });
    const stream = harness.open().headers({}, false).data("12345").data("12345");
    expect(stream.sent.status).toBe(0);
    stream.data("1");
    expect(stream.sent).toMatchObject({ status: 413, ended: true });
    expect(stream.stream.details).toBe("request_payload_too_large");
    expect(terminal.frames).toEqual([]);
  });

  it("pauses the source at the first chunk that it holds, and unpauses it on resume", () => {
    const terminal = new ScriptedTerminal();
    let handle!: HttpStream;
    const harness = new HttpHarness([
      {
        hooks: {
          onRequestHeaders: (_h: unknown, _e: boolean, stream: HttpStream) => {
            handle = stream;
            return StopAndWatermark;
          },
        },
      },
      terminal.filter,
    ]);
    const stream = harness.open().headers({}, false);
    expect(stream.sent.requestPaused).toBe(false);
    stream.data("held");
    expect(stream.sent.requestPaused).toBe(true);
    handle.request.resume();
    expect(stream.sent.requestPaused).toBe(false);
    expect(terminal.body).toBe("held");
    stream.data(" more", true);
    expect(terminal.body).toBe("held more");
  });
});

describe("promises", () => {
  it("hold their direction, keep what comes in order, and run the filter's own hooks afterwards", async () => {
    const terminal = new ScriptedTerminal();
    const own: string[] = [];
    let open!: () => void;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const harness = new HttpHarness([
      {
        hooks: {
          onRequestHeaders: () => gate,
          onRequestData: (data) => void own.push(Buffer.from(data).toString()),
        },
      },
      terminal.filter,
    ]);
    const stream = harness.open().headers({}, false).data("a").data("b", true);
    await harness.settle();
    expect(terminal.frames).toEqual([]);
    expect(own).toEqual([]);
    open();
    await harness.settle();
    expect(own).toEqual(["a", "b"]);
    expect(terminal.body).toBe("ab");
    expect(terminal.ended).toBe(true);
    expect(stream.sent.requestPaused).toBe(false);
  });

  it("that settle after the stream's end are ignored", async () => {
    const terminal = new ScriptedTerminal();
    let open!: () => void;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const harness = new HttpHarness([{ hooks: { onRequestHeaders: () => gate } }, terminal.filter]);
    const stream = harness.open().headers({}, false);
    stream.abort();
    open();
    await harness.settle();
    expect(terminal.frames).toEqual([]);
    expect(stream.sent.frames).toEqual([]);
  });

  it("give the whole body to a headers hook that awaits it, and let it be replaced", async () => {
    const terminal = new ScriptedTerminal();
    const harness = new HttpHarness([
      {
        hooks: {
          onRequestHeaders: async (_h: unknown, _e: boolean, stream: HttpStream) => {
            const body = Buffer.from(await stream.request.body()).toString();
            stream.request.replaceBody(Buffer.from(body.toUpperCase()));
          },
        },
      },
      terminal.filter,
    ]);
    const stream = harness.open().headers({ "content-length": "6" }, false).data("abc").data("def", true);
    await harness.settle();
    expect(terminal.body).toBe("ABCDEF");
    expect(terminal.requestHeaders["content-length"]).toBe("6");
    expect(stream.sent.requestPaused).toBe(false);
  });
});

describe("injection", () => {
  it("in a headers hook follows the headers and takes their end", () => {
    const terminal = new ScriptedTerminal();
    const harness = new HttpHarness([
      {
        hooks: {
          onRequestHeaders: (_h: unknown, _e: boolean, stream: HttpStream) =>
            stream.request.inject(Buffer.from("made"), true),
        },
      },
      terminal.filter,
    ]);
    harness.open().headers({ "content-length": "0" }, true);
    expect(terminal.frames).toEqual(["headers", "data:4", "end"]);
    expect(terminal.requestHeaders["content-length"]).toBeUndefined();
  });

  it("in a data hook throws, is contained and answered 500", () => {
    const terminal = new ScriptedTerminal();
    const harness = new HttpHarness([
      {
        hooks: {
          onRequestData: (_d: unknown, _e: boolean, stream: HttpStream) =>
            stream.request.inject(Buffer.from("x"), false),
        },
      },
      terminal.filter,
    ]);
    const stream = harness.open().headers({}, false).data("a");
    expect(stream.sent.status).toBe(500);
    expect(stream.stream.details).toBe("filter_error{filter0:onRequestData}");
  });
});

describe("local replies", () => {
  it("pass every response hook, also of filters whose request hook never ran", () => {
    const seen: [string, boolean][] = [];
    const look = (name: string): HarnessFilter => ({
      name,
      hooks: {
        onResponseHeaders: (_h: unknown, _e: boolean, stream: HttpStream) => void seen.push([name, stream.requestSeen]),
        onRequestHeaders: () => undefined,
      },
    });
    const terminal = new ScriptedTerminal();
    const harness = new HttpHarness([
      look("a"),
      { name: "b", hooks: { onRequestHeaders: () => reply({ status: 403, body: "no" }) } },
      look("c"),
      terminal.filter,
    ]);
    const stream = harness.open().headers();
    expect(seen).toEqual([
      ["c", false],
      ["a", true],
    ]);
    expect(stream.sent).toMatchObject({ status: 403, body: "no", ended: true });
    expect(stream.stream.details).toBe("test.http.b");
  });

  it("from a response hook go straight to the codec", () => {
    const terminal = new ScriptedTerminal();
    const calls: string[] = [];
    const harness = new HttpHarness([
      { name: "outer", hooks: { onResponseHeaders: () => void calls.push("outer") } },
      { name: "inner", hooks: { onResponseHeaders: () => reply({ status: 502, body: "bad" }) } },
      terminal.filter,
    ]);
    const stream = harness.open().headers();
    terminal.respond(200, {}, false).data("never", true);
    expect(calls).toEqual([]);
    expect(stream.sent).toMatchObject({ status: 502, body: "bad", ended: true });
  });

  it("reset the stream once headers are out", () => {
    const terminal = new ScriptedTerminal();
    const harness = new HttpHarness([{ hooks: { onResponseData: () => reply({ status: 500 }) } }, terminal.filter]);
    const stream = harness.open().headers();
    terminal.respond(200, {}, false).data("x");
    expect(stream.sent.frames).toEqual(["headers", "reset:local_reset"]);
    expect(terminal.destroyed).toBe(1);
  });

  it("to gRPC requests are trailers-only statuses", () => {
    const terminal = new ScriptedTerminal();
    const harness = new HttpHarness([
      { hooks: { onRequestHeaders: () => reply({ status: 429, body: "slow down" }) } },
      terminal.filter,
    ]);
    const stream = harness.open().headers({ "content-type": "application/grpc" });
    expect(stream.sent.status).toBe(200);
    expect(stream.sent.headers).toMatchObject({ "grpc-status": "14", "grpc-message": "slow down" });
    expect(stream.sent.ended).toBe(true);
  });
});
