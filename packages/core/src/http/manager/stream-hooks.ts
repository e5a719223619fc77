/** Hot path. The hooks of a stream's end and of local replies: every filter that has one is called, whatever the others throw. */
import type { LocalReplyOptions } from "@sluice/sdk";
import type { FilterSlot } from "../chain/filter-chain.ts";
import type { HttpStream } from "./http-stream.ts";

type Slots = readonly FilterSlot[];

export function callStreamComplete(stream: HttpStream, slots: Slots): void {
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i]!;
    stream.enter(slot);
    if (stream.probe !== null) stream.probe.begin(slot, "onStreamComplete");
    try {
      slot.filter.onStreamComplete!(stream, stream.handle(slot));
    } catch (error) {
      stream.containError(slot, "onStreamComplete", error);
    }
    if (stream.probe !== null) stream.probe.end(slot, undefined);
  }
}

export function callDestroy(stream: HttpStream, slots: Slots): void {
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i]!;
    const handle = stream.handles[slot.slot];
    // A filter that never saw the stream has nothing to destroy.
    if (handle === undefined || handle === null) continue;
    stream.enter(slot);
    if (stream.probe !== null) stream.probe.begin(slot, "onDestroy");
    try {
      slot.filter.onDestroy!(handle);
    } catch (error) {
      stream.containError(slot, "onDestroy", error);
    }
    if (stream.probe !== null) stream.probe.end(slot, undefined);
  }
}

/** Ends early where a hook ends the stream. */
export function callLocalReply(stream: HttpStream, slots: Slots, options: LocalReplyOptions): void {
  for (let i = 0; i < slots.length && !stream.over; i++) {
    const slot = slots[i]!;
    stream.enter(slot);
    if (stream.probe !== null) stream.probe.begin(slot, "onLocalReply");
    try {
      slot.filter.onLocalReply!({ ...options, details: stream.details }, stream.handle(slot));
    } catch (error) {
      stream.containError(slot, "onLocalReply", error);
    }
    if (stream.probe !== null) stream.probe.end(slot, undefined);
  }
}
