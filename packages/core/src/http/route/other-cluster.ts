/** A filter sends a request to another cluster than its route says: the same route, for that cluster. */
import type { HttpStream } from "../manager/http-stream.ts";
import type { ForwardEntry } from "./forward-entry.ts";

/** Filters may take names from clients: no more of them are kept for a route. */
const MAX_KEPT = 256;

const kept = new WeakMap<ForwardEntry, Map<string, ForwardEntry>>();

/** false: no route forwards, or it is too late. */
export function sendToCluster(stream: HttpStream, name: string): boolean {
  if (stream.over || stream.responseFlow.headers !== null) return false;
  const entry = stream.routeEntry();
  if (entry === null || entry.kind !== "forward") return false;
  if (entry.clusterName !== name) stream.route = entryFor(entry as ForwardEntry, name);
  return true;
}

function entryFor(entry: ForwardEntry, name: string): ForwardEntry {
  let others = kept.get(entry);
  if (others === undefined) kept.set(entry, (others = new Map()));
  let other = others.get(name);
  if (other === undefined) {
    other = entry.to(name);
    if (others.size === MAX_KEPT) others.clear();
    others.set(name, other);
  }
  return other;
}
