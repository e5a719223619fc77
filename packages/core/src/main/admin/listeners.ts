/** `/listeners` and `/drain_listeners`. */
import { formatAddress } from "../../worker/data-plane.ts";
import { addressJson } from "./clusters.ts";
import { type AdminEndpoint, json, text, wantsJson } from "./endpoint.ts";

export const listeners: AdminEndpoint = {
  path: "/listeners",
  help: "print listener info",
  parameters: { format: "One of (text, json)" },
  handle(query, { server }) {
    if (wantsJson(query)) {
      return json({
        listener_statuses: server.listeners.map(({ name, address }) => ({ name, local_address: addressJson(address) })),
      });
    }
    return text(server.listeners.map(({ name, address }) => `${name}::${formatAddress(address)}\n`).join(""));
  },
};

export const drainListeners: AdminEndpoint = {
  path: "/drain_listeners",
  help: "drain listeners",
  mutates: true,
  parameters: {
    graceful: "Go on accepting for the drain time before the listeners are closed",
    skip_exit: "Do not close the listeners after the drain time; only with graceful",
  },
  handle(query, { server }) {
    const graceful = query.has("graceful");
    const skipExit = query.has("skip_exit");
    if (query.has("inboundonly"))
      return text("inboundonly is not supported: listeners have no traffic direction here\n", 400);
    if (skipExit && !graceful) return text("skip_exit requires graceful\n", 400);
    server.drainListeners(graceful, skipExit);
    return text("OK\n");
  },
};
