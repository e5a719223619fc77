/** `/explain`: what the live configuration does with a request and why; the same as `sluice explain` says of a file. */
import { type AdminEndpoint, json, text, wantsJson } from "./endpoint.ts";

export const explain: AdminEndpoint = {
  path: "/explain",
  help: "which route and filters a request meets, and why",
  parameters: {
    method: "Of the request; GET unless told",
    host: "Its host; localhost unless told",
    path: "Its path, with the query; / unless told",
    header: "A header of it as in name:value; may be repeated",
    listener: "Only this listener",
    format: "One of (text, json)",
  },
  async handle(query, { server, registry }) {
    if (server.config === null) return text("there is no configuration yet\n", 503);
    // Loaded when asked for: main has no other use for routes.
    const { explain: ask, ExplainError } = await import("../../explain/explain.ts");
    const { formatExplanation } = await import("../../explain/format-explanation.ts");
    const headers = query.getAll("header").map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, Math.max(0, colon)).trim(), line.slice(colon + 1).trim()] as const;
    });
    try {
      const request = {
        method: query.get("method") ?? "GET",
        host: query.get("host") ?? "localhost",
        path: query.get("path") ?? "/",
        headers,
      };
      const found = ask(server.config, registry, request, query.get("listener") ?? undefined, server);
      return wantsJson(query) ? json(found) : text(found.map(formatExplanation).join("\n"));
    } catch (error) {
      if (error instanceof ExplainError) return text(`${error.message}\n`, 400);
      throw error;
    }
  },
};
