/**
 * The opening handshake where its two ends speak different versions of HTTP: over HTTP/1 a server proves that it has read the client's key (RFC 6455 section 4.2.2);
 * over HTTP/2 there is neither key nor proof (RFC 8441 section 5).
 */
import { createHash } from "node:crypto";
import type { RequestHeaders, ResponseHeaders } from "@sluice/sdk";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KEY = "sec-websocket-key";
const ACCEPT = "sec-websocket-accept";

/** Completes the answer 101 for the client: what an upstream over HTTP/2 did not say is said for it. */
export function completeHandshake(request: RequestHeaders, response: ResponseHeaders, protocol: string): void {
  if (request.upgrade !== "websocket") return;
  if (protocol === "HTTP/2") {
    response.delete(ACCEPT);
    return;
  }
  const key = request.get(KEY);
  if (key === undefined || response.has(ACCEPT)) return;
  response.set(
    ACCEPT,
    createHash("sha1")
      .update(key + GUID)
      .digest("base64"),
  );
}
