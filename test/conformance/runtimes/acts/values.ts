/** Acts about values: headers and trailers, metadata, what is known of the stream, statistics, requests to clusters. */
import { reply, Stop } from "@sluice/sdk";
import { type Act, probed, resumeLater, text, bytes, turn } from "./act.ts";

export const VALUE_ACTS: Readonly<Record<string, Act>> = {
  // ---- headers
  edits: {
    requestHeaders: (headers) => {
      headers.append("x-list", "a");
      headers.append("X-List", "b");
      headers.set("x-was", headers.getAll("x-list").join("|"));
      headers.delete("x-gone");
      headers.path = `${headers.path}&edited=1`;
      headers.method = "PUT";
      headers.scheme = "https";
      headers.set("x-size", String(headers.size));
    },
    responseHeaders: (headers) => {
      headers.append("set-cookie", "c=3");
      headers.set("x-cookies", headers.getAll("set-cookie").join("|"));
      headers.status = headers.status === 200 ? 203 : headers.status;
    },
  },
  "illegal-header": { requestHeaders: (headers) => headers.set("x bad", "1") },
  "illegal-value": { responseHeaders: (headers) => headers.set("x-bad", "a\nb") },
  "host-header": { requestHeaders: (headers) => headers.set("host", "elsewhere") },
  "illegal-status": {
    responseHeaders: (headers) => {
      headers.status = 42;
    },
  },
  "caught-header": {
    requestHeaders: (headers) => {
      try {
        headers.set("x-bad", "a\0b");
      } catch (error) {
        headers.set("x-caught", (error as Error).name);
      }
    },
  },
  "request-in-response": {
    responseHeaders: (headers, _e, stream) => headers.set("x-asked", stream.requestHeaders.get("x-question") ?? "none"),
  },
  trailers: {
    requestTrailers: (trailers) => {
      trailers.set("x-t", `${trailers.get("x-t") ?? ""}!`);
    },
    responseTrailers: (trailers, stream) => {
      trailers.append("x-sum", String(stream.requestTrailers?.get("x-t")));
      trailers.delete("x-drop");
    },
  },
  "drops-informational": { informational: () => Stop },
  "edits-informational": { informational: (headers) => headers.set("link", "edited") },
  // ---- what the filter knows and leaves
  metadata: {
    requestHeaders: (headers, _e, stream) => {
      stream.metadata.set(probed, { seen: 1, list: ["a"] });
      stream.metadata.set("test.other", { deep: { value: [1, 2] } });
      headers.set("x-own", String(stream.metadata.get(probed)?.seen));
    },
    responseHeaders: (headers, _e, stream) => {
      headers.set("x-list", stream.metadata.get(probed)?.list?.join() ?? "none");
      stream.metadata.set(probed, { seen: 2 });
      headers.set("x-now", JSON.stringify(stream.metadata.get("test.probed")));
    },
  },
  "filter-state": {
    requestHeaders: (headers, _e, stream) => {
      headers.set("x-before", String(stream.filterState.has("test.key")));
      stream.filterState.set("test.key", { answer: 42 });
    },
    responseHeaders: (headers, _e, stream) =>
      headers.set("x-state", JSON.stringify(stream.filterState.get("test.key"))),
  },
  "read-only-state": {
    requestHeaders: (_h, _e, stream) => void stream.filterState.set("test.key", 1, { readOnly: true }),
    requestData: (_d, _e, stream) => void stream.filterState.set("test.key", 2),
  },
  info: {
    requestHeaders: (headers, _e, stream) => {
      const { remote, protocol, connection } = stream.info;
      headers.set(
        "x-info",
        `${remote.ip} ${protocol} ${connection.tls === null ? "plain" : "tls"} ${stream.requestSeen}`,
      );
      stream.info.addFlag("DI");
    },
    responseHeaders: (headers, _e, stream) => {
      headers.set("x-flags", `${stream.info.flags.join()} ${stream.info.hasFlag("DI")} ${stream.info.bytesReceived}`);
      stream.info.setDetails("prober_details");
    },
  },
  "unknown-flag": { requestHeaders: (_h, _e, stream) => stream.info.addFlag("XX" as never) },
  "local-reply": {
    requestHeaders: () => reply({ status: 401, details: "told" }),
    localReply: ({ status, details }, stream) => void stream.state.chunks.push(`${status} ${details}`),
    responseHeaders: (headers, _e, stream) => headers.set("x-told", stream.state.chunks.join()),
  },
  route: {
    requestHeaders: (headers, _e, stream) => {
      headers.set("x-tags", stream.routeConfigs.map(({ tag }) => tag).join());
      headers.path = "/other";
      stream.clearRouteCache();
    },
    responseHeaders: (headers, _e, stream) => headers.set("x-tag", stream.routeConfig?.tag ?? "none"),
  },
  "end-of-life": {
    requestHeaders: (_h, _e, stream) => {
      stream.signal.addEventListener("abort", () => stream.state.chunks.push("aborted"));
      resumeLater(stream, "request", 1000);
      return Stop;
    },
    complete: (stream, context) => {
      stream.state.chunks.push("complete");
      context.stats.counter("completed").inc();
    },
    destroy: (stream, context) => {
      context.stats.counter(`destroyed_${stream.state.chunks.join("_")}`).inc();
      stream.reply({ status: 400 });
      stream.request.resume();
    },
  },
  statistics: {
    requestHeaders: (_h, _e, _s, context) => {
      context.stats.counter("counted").inc();
      context.stats.counter("counted").inc(4);
      context.stats.gauge("level").set(7);
      context.stats.gauge("level").dec(2);
      context.stats.histogram("times").record(3);
      context.rootStats.counter("prober_root").inc(2);
      context.logger.warn("from the prober", { count: 3, error: "none" });
    },
  },
  random: {
    requestHeaders: (headers, _e, _s, context) => {
      const value = context.random.next();
      const whole = context.random.below(10);
      headers.set("x-random", String(value >= 0 && value < 1 && Number.isInteger(whole) && whole < 10));
      const now = context.clock.now();
      headers.set(
        "x-clock",
        String(context.clock.now() >= now && context.clock.turnNow() > 0 && context.clock.wallNow() > 0),
      );
    },
  },
  calls: {
    requestHeaders: async (headers, _e, stream, context) => {
      const response = await context.clusters.get("auth")!.request({
        path: "/check",
        method: "POST",
        headers: { "x-from": "prober" },
        body: "credentials",
        stream,
      });
      headers.set("x-auth", `${response.status} ${response.headers.get("x-user")} ${await response.body.text()}`);
      headers.set("x-auth-trailers", String((await response.trailers).get("x-sum")));
    },
  },
  "calls-streaming": {
    requestHeaders: async (headers, _e, _s, context) => {
      async function* body(): AsyncGenerator<Uint8Array> {
        yield bytes("one ");
        await turn();
        yield bytes("two");
      }
      const response = await context.clusters.get("auth")!.request({ path: "/stream", method: "POST", body: body() });
      const chunks: string[] = [];
      for await (const chunk of response.body) chunks.push(text(chunk));
      headers.set("x-chunks", chunks.join("|"));
    },
  },
  "calls-and-fails": {
    requestHeaders: async (headers, _e, _s, context) => {
      try {
        await context.clusters.get("auth")!.request({ path: "/fail" });
      } catch (error) {
        headers.set("x-failed", `${(error as Error).name} ${String(Reflect.get(error as object, "reason"))}`);
      }
    },
  },
  "calls-too-large": {
    requestHeaders: async (headers, _e, _s, context) => {
      const response = await context.clusters.get("auth")!.request({ path: "/check", method: "POST", body: "x" });
      headers.set(
        "x-too-large",
        await response.body.bytes(3).then(String, (error: unknown) => (error as Error).message),
      );
    },
  },
};
