/** What the process says of itself and the commands to it: `/ready`, `/server_info`, `/memory`, `/logging`, `/healthcheck/…`, `/quitquitquit`. */
import { getHeapStatistics } from "node:v8";
import { SDK_VERSION } from "@sluice/sdk";
import { type AdminEndpoint, json, text } from "./endpoint.ts";
import { LOG_LEVEL_NAMES, parseLogLevel } from "./log-levels.ts";

export const ready: AdminEndpoint = {
  path: "/ready",
  help: "print server state, return 200 if LIVE, otherwise return 503",
  handle: (_, { server }) => text(`${server.state}\n`, server.state === "LIVE" ? 200 : 503),
};

export const serverInfo: AdminEndpoint = {
  path: "/server_info",
  help: "print server version/status information",
  handle(_, { server, commandLine }) {
    const uptime = `${Math.floor((Date.now() - server.startedAtMs) / 1000)}s`;
    const node = server.config?.node;
    return json({
      version: `sluice/${SDK_VERSION}/node-${process.versions.node}`,
      state: server.state,
      uptime_current_epoch: uptime,
      uptime_all_epochs: uptime,
      hot_restart_version: "disabled",
      command_line_options: { concurrency: server.concurrency, ...commandLine },
      node: { id: node?.id ?? "", cluster: node?.cluster ?? "", user_agent_name: "sluice" },
    });
  },
};

export const memory: AdminEndpoint = {
  path: "/memory",
  help: "print current allocation/heap usage (heap figures of the main thread)",
  handle() {
    const { heapTotal, heapUsed, external, rss } = process.memoryUsage();
    return json({
      allocated: String(heapUsed + external),
      heap_size: String(heapTotal),
      pageheap_unmapped: "0",
      pageheap_free: String(getHeapStatistics().total_available_size),
      total_thread_cache: "0",
      total_physical_bytes: String(rss),
    });
  },
};

export const logging: AdminEndpoint = {
  path: "/logging",
  help: "query/change logging level",
  mutates: true,
  parameters: { level: `Desired level of all logs; one of (${LOG_LEVEL_NAMES.join(", ")})` },
  handle(query, { threshold }) {
    const unknown = [...query.keys()].find((name) => name !== "level");
    const wanted = query.get("level");
    if (unknown !== undefined || (wanted !== null && parseLogLevel(wanted) === undefined)) {
      const error =
        unknown === undefined ? "unknown logger level" : "the level can be changed of all logs together only";
      return text(
        `error: ${error}\n\nusage: /logging?level=<level> (change all levels)\nlevels: ${LOG_LEVEL_NAMES.join(" ")}\n`,
        400,
      );
    }
    if (wanted !== null) threshold.level = parseLogLevel(wanted)!;
    return text(`active loggers:\n  all: ${threshold.level}\n`);
  },
};

export const failHealthCheck: AdminEndpoint = {
  path: "/healthcheck/fail",
  help: "cause the server to fail health checks (/ready)",
  mutates: true,
  handle(_, { server }) {
    server.failHealthCheck(true);
    return text("OK\n");
  },
};

export const passHealthCheck: AdminEndpoint = {
  path: "/healthcheck/ok",
  help: "cause the server to pass health checks (/ready)",
  mutates: true,
  handle(_, { server }) {
    server.failHealthCheck(false);
    return text("OK\n");
  },
};

export const quit: AdminEndpoint = {
  path: "/quitquitquit",
  help: "drain and exit the server",
  mutates: true,
  handle(_, { quit: begin }) {
    // After the answer is written.
    setImmediate(begin);
    return text("OK\n");
  },
};
