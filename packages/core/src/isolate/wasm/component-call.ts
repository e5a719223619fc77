/** A component's call to a cluster: never rejects, since its answer is the component's to judge. */
import { type Clusters, UpstreamError } from "@sluice/sdk";
import type { CallAnswer, GuestRequest } from "./guest.ts";

const DEFAULT_TIMEOUT_MS = 5000;
/** Bytes of a response's body. */
const MAX_BODY = 1024 * 1024;

export async function startRequest(
  clusters: Clusters,
  request: GuestRequest,
  stream: { readonly signal: AbortSignal },
): Promise<CallAnswer> {
  // The answer is a hook of its own: it never comes while the hook runs that asked for it.
  await Promise.resolve();
  try {
    const cluster = clusters.get(request.cluster);
    if (cluster === undefined) return "no_cluster";
    const { method, path, authority, headers, body, timeoutMs } = request;
    const pairs: [string, string][] = [];
    for (let i = 0; i + 1 < headers.length; i += 2) pairs.push([headers[i]!, headers[i + 1]!]);
    const response = await cluster.request({
      method,
      path,
      headers: pairs,
      timeoutMs: timeoutMs === 0 ? DEFAULT_TIMEOUT_MS : timeoutMs,
      stream,
      ...(authority === "" ? {} : { authority }),
      ...(body.length === 0 ? {} : { body }),
    });
    const flat: string[] = [];
    for (const [name, value] of response.headers) flat.push(name, value);
    return { status: response.status, headers: flat, body: await response.body.bytes(MAX_BODY) };
  } catch (error) {
    if (error instanceof UpstreamError) return error.reason;
    return error instanceof Error ? error.message : String(error);
  }
}
