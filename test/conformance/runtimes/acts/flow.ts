/** Acts about the way of messages: stops, promises, what is injected, added, replied and timed. */
import { Continue, reply, Stop, StopAndBuffer, StopAndWatermark } from "@sluice/sdk";
import { type Act, bytes, resumeLater, text, turn } from "./act.ts";

export const FLOW_ACTS: Readonly<Record<string, Act>> = {
  // ---- stops
  "stop-headers": { requestHeaders: (_h, _e, stream) => (resumeLater(stream, "request"), Stop) },
  "stop-until-data": {
    requestHeaders: () => Stop,
    requestData: (data, _end, stream) => {
      stream.state.chunks.push(text(data));
      return stream.state.chunks.length < 2 ? Stop : Continue;
    },
  },
  "buffer-headers": { requestHeaders: (_h, _e, stream) => (resumeLater(stream, "request"), StopAndBuffer) },
  "watermark-headers": { requestHeaders: (_h, _e, stream) => (resumeLater(stream, "request"), StopAndWatermark) },
  "buffer-data": { requestData: (_d, end) => (end ? Continue : StopAndBuffer) },
  "stop-trailers": { requestTrailers: (_t, stream) => (resumeLater(stream, "request"), Stop) },
  "length-after-buffering": {
    requestHeaders: (_h, end) => (end ? Continue : Stop),
    requestData: (data, end, stream) => {
      stream.state.chunks.push(text(data));
      if (!end) return StopAndBuffer;
      stream.requestHeaders.set("x-length", String(stream.state.chunks.join("").length));
      return Continue;
    },
  },
  "stop-response": { responseHeaders: (_h, _e, stream) => (resumeLater(stream, "response"), Stop) },
  "buffer-response": { responseData: (_d, end) => (end ? Continue : StopAndBuffer) },
  "stop-response-trailers": { responseTrailers: (_t, stream) => (resumeLater(stream, "response"), Stop) },
  // ---- promises
  awaits: {
    requestHeaders: async (headers) => {
      await turn();
      headers.set("x-awaited", "1");
    },
    requestData: async (data) => {
      await turn();
      return bytes(text(data).toUpperCase());
    },
    responseHeaders: async (headers) => {
      await turn();
      headers.status = 201;
    },
    responseData: async (data) => {
      await turn();
      return bytes(`<${text(data)}>`);
    },
  },
  "rejects-request": { requestHeaders: () => Promise.reject(new Error("rejected")) },
  "rejects-data": { requestData: () => Promise.reject(new Error("rejected")) },
  "throws-response": {
    responseHeaders: () => {
      throw new RangeError("thrown in a response hook");
    },
  },
  "throws-trailers": {
    requestTrailers: () => {
      throw new Error("thrown in trailers");
    },
  },
  "bad-verdict": { requestHeaders: () => 17 as never },
  "bytes-for-headers": { requestHeaders: () => bytes("no") as never },
  "text-verdict": { requestData: () => "no" as never },
  // ---- resume, inject, trailers, body
  "resume-in-hook": { requestHeaders: (_h, _e, stream) => void stream.request.resume() },
  "resume-other": {
    requestHeaders: (_h, _e, stream) => (resumeLater(stream, "request"), Stop),
    responseHeaders: (_h, _e, stream) => void stream.request.resume(),
  },
  "inject-in-headers": {
    requestHeaders: (_h, _e, stream) => {
      stream.request.inject(bytes("first "), false);
      stream.request.inject(bytes("second "), false);
    },
  },
  "inject-and-end": { requestHeaders: (_h, _e, stream) => void stream.request.inject(bytes("all there is"), true) },
  "inject-and-stop": {
    requestHeaders: (_h, _e, stream) => {
      stream.request.inject(bytes("held "), false);
      resumeLater(stream, "request");
      return Stop;
    },
  },
  "inject-from-timer": {
    requestHeaders: (headers, _e, stream) => {
      headers.set("x-will-inject", "1");
      stream.setTimer((later) => later.request.inject(bytes("late"), true), 50);
      return Stop;
    },
  },
  "inject-in-data": { requestData: (_d, _e, stream) => void stream.request.inject(bytes("no"), false) },
  "inject-in-trailers": {
    responseTrailers: (_trailers, stream) => {
      stream.response.inject(bytes(" and"), false);
      stream.response.inject(bytes(" the end"), true);
    },
  },
  "inject-no-bytes": { requestHeaders: (_h, _e, stream) => void stream.request.inject("no" as never, false) },
  "inject-response": {
    responseHeaders: (headers, _e, stream) => {
      headers.delete("content-length");
      stream.response.inject(bytes("before "), false);
    },
  },
  "add-trailers": {
    requestData: (_d, end, stream) => {
      if (end) stream.request.addTrailers().set("x-added", "1");
    },
    responseData: (_d, end, stream) => {
      if (end) stream.response.addTrailers().append("x-added", "2");
    },
  },
  "add-trailers-early": { requestHeaders: (_h, _e, stream) => void stream.request.addTrailers() },
  "whole-body": {
    requestHeaders: async (headers, _e, stream) => {
      const body = await stream.request.body();
      headers.set("x-body", text(body));
    },
    requestData: (data, _e, stream) => void stream.state.chunks.push(text(data)),
  },
  "replace-body": {
    requestHeaders: async (_h, _e, stream) => {
      const body = await stream.request.body();
      stream.request.replaceBody(bytes(`[${text(body)}]`));
    },
  },
  "body-limit": { requestHeaders: async (_h, _e, stream) => void (await stream.request.body(4)) },
  "response-body": {
    responseHeaders: async (headers, _e, stream) => {
      const body = await stream.response.body();
      headers.set("x-body", text(body));
    },
  },
  "body-late": {
    requestData: async (_d, _e, stream) => void (await stream.request.body()),
  },
  // ---- replies, resets, timers
  "reply-data": { requestData: () => reply({ status: 422, body: "unprocessable", details: "refused_data" }) },
  "reply-response": { responseHeaders: () => reply({ status: 502, body: bytes("bytes"), flag: "UPE" }) },
  "reply-timer": {
    requestHeaders: (_h, _e, stream) => {
      stream.setTimer((later) => later.reply({ status: 429, body: "timer", details: "from_timer" }), 50);
      return Stop;
    },
  },
  "reply-illegal": { requestHeaders: () => reply({ status: 999 }) },
  "reply-illegal-timer": {
    requestHeaders: (_h, _e, stream) => {
      stream.setTimer((later) => later.reply({ status: 42 }), 50);
      return Stop;
    },
  },
  resets: { requestHeaders: (_h, _e, stream) => (stream.reset("prober_reset", "DF"), Stop) },
  "timer-throws": {
    requestHeaders: (_h, _e, stream) => {
      stream.setTimer(() => {
        throw new Error("thrown in a timer");
      }, 50);
      return Stop;
    },
  },
  "timer-cancelled": {
    requestHeaders: (_h, _e, stream) => {
      const cancelled = stream.setTimer((later) => later.reply({ status: 400 }), 50);
      stream.setTimer((later) => {
        cancelled.cancel();
        later.setTimer((last) => last.request.resume(), 100);
      }, 20);
      return Stop;
    },
  },
  pauses: {
    requestHeaders: (_h, _e, stream) => {
      stream.request.pause();
      stream.setTimer((later) => later.request.unpause(), 50);
    },
  },
  watches: {
    requestHeaders: (_h, _e, stream) => {
      const heard: string[] = [];
      stream.response.watch({
        onAboveHighWatermark: () => void heard.push("above"),
        onBelowLowWatermark: () => {
          heard.push("below");
          stream.state.chunks = heard;
        },
      });
    },
    responseData: (data, _e, stream) => bytes(`${text(data)}${stream.state.chunks.join("+")}`),
  },
};
