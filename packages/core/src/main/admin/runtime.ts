/** `/runtime` and `/runtime_modify`: the runtime's layers, and the values of the admin's. */
import { type AdminEndpoint, json, text } from "./endpoint.ts";

export const runtime: AdminEndpoint = {
  path: "/runtime",
  help: "print runtime values",
  handle: (_, { server }) => json(server.runtime.dump()),
};

const USAGE =
  "usage: /runtime_modify?key1=value1&key2=value2&keyN=valueN\nuse an empty value to remove a previously added override\n";

export const modifyRuntime: AdminEndpoint = {
  path: "/runtime_modify",
  help: "Adds or modifies runtime values as passed in query parameters. To delete a previously added key, use an empty string as the value. Note that deletion only applies to overrides added via this endpoint; values loaded from other layers can be modified via override but not deleted. E.g. ?key1=value1&key2=value2...",
  mutates: true,
  async handle(query, { server }) {
    const changes = new Map(query);
    if (changes.size === 0 || changes.has("")) return text(USAGE, 400);
    if (!server.runtime.hasAdminLayer) return text("No admin layer specified\n", 503);
    await server.modifyRuntime(changes);
    return text("OK\n");
  },
};
