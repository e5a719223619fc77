/**
 * A filter that runs elsewhere, as the hooks of an ordinary one: every hook returns a promise, bytes are copied, header changes come back as
 * edits. The engine cannot tell it from a filter whose hooks await. `FilterPort` is all that a runtime has to be.
 */
import type { Headers, HttpFilter, HttpStream, LocalReply, RequestHeaders, ResponseHeaders } from "@sluice/sdk";
import { applyEdits, type Edit, flat, flatRequest, flatResponse } from "./edits.ts";

export type RemoteHook = "onRequestHeaders" | "onRequestData" | "onRequestTrailers" | "onResponseHeaders";

export interface HookCall {
  readonly hook: RemoteHook;
  /** Small, and used again after `destroy`. */
  readonly stream: number;
  /** A header or trailer section, flat; null for data. */
  readonly fields: readonly string[] | null;
  /** Belongs to the engine: to be copied before the call returns. */
  readonly data: Uint8Array | null;
  readonly end: boolean;
  /** The stream attributes that the filter declared, as they are now. */
  readonly reads: readonly (string | undefined)[];
}

export interface HookOutcome {
  /** One of the sdk's integers. */
  readonly verdict: number;
  readonly reply: LocalReply | null;
  /** In place of the chunk. */
  readonly data: Uint8Array | null;
  readonly edits: readonly Edit[];
}

export interface FilterPort {
  readonly hooks: readonly RemoteHook[];
  call(call: HookCall): Promise<HookOutcome>;
  destroy(stream: number): void;
}

interface RemoteState {
  readonly number: number;
  isOver: boolean;
}

type Verdict = 0 | 1 | 2 | 3;
type RemoteStream = HttpStream<RemoteState, { readonly value: string }>;

/** Here the only attribute that the filter reads is what its route says. */
const readsOf = (stream: RemoteStream): (string | undefined)[] => [stream.routeConfig?.value];

/** What a chain slot needs of a filter. */
export interface RemoteFilter {
  readonly hooks: HttpFilter<RemoteState, { readonly value: string }>;
  readonly newState: () => RemoteState;
}

export function remoteFilter(port: FilterPort): RemoteFilter {
  const numbers = new StreamNumbers();
  const headersHook = async (hook: RemoteHook, fields: string[], map: Headers, end: boolean, stream: RemoteStream) => {
    const { state } = stream;
    const outcome = await port.call({ hook, stream: state.number, fields, data: null, end, reads: readsOf(stream) });
    // The engine ignores a verdict that comes after the end; edits are the adapter's to ignore.
    if (state.isOver) return undefined;
    applyEdits(map, outcome.edits);
    return outcome.reply ?? (outcome.verdict as Verdict);
  };
  const hooks = {
    onRequestHeaders: (headers: RequestHeaders, end: boolean, stream: RemoteStream) =>
      headersHook("onRequestHeaders", flatRequest(headers), headers, end, stream),
    onRequestData: async (data: Uint8Array, end: boolean, stream: RemoteStream) => {
      const { number } = stream.state;
      const outcome = await port.call({
        hook: "onRequestData",
        stream: number,
        fields: null,
        data,
        end,
        reads: readsOf(stream),
      });
      return outcome.reply ?? outcome.data ?? (outcome.verdict as Verdict);
    },
    onRequestTrailers: (trailers: Headers, stream: RemoteStream) =>
      headersHook("onRequestTrailers", flat(trailers), trailers, true, stream),
    onResponseHeaders: (headers: ResponseHeaders, end: boolean, stream: RemoteStream) =>
      headersHook("onResponseHeaders", flatResponse(headers), headers, end, stream),
  };
  const existing = Object.fromEntries(port.hooks.map((name) => [name, hooks[name]])) as Partial<typeof hooks>;
  return {
    newState: () => ({ number: numbers.take(), isOver: false }),
    hooks: {
      ...existing,
      onDestroy(stream) {
        stream.state.isOver = true;
        port.destroy(stream.state.number);
        numbers.giveBack(stream.state.number);
      },
    },
  };
}

/** The smallest number that is free, so that the far side can keep its streams in an array. */
class StreamNumbers {
  readonly #free: number[] = [];
  #next = 0;

  take(): number {
    return this.#free.pop() ?? this.#next++;
  }

  giveBack(number: number): void {
    this.#free.push(number);
  }
}
