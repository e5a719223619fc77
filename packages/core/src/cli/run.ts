/** `sluice run`: the proxy as a process. SIGTERM and SIGINT drain it, a second one ends it at once. */
import { availableParallelism } from "node:os";
import { SDK_VERSION } from "@sluice/sdk";
import type { AddressModel } from "../config/model.ts";
import { isModule } from "../config/index.ts";
import { LOG_LEVEL_NAMES, parseLogLevel } from "../main/admin/log-levels.ts";
import { LogWriter } from "../main/log-writer.ts";
import { ProxyInstance } from "../main/proxy-instance.ts";
import { reportReload } from "../main/reload-report.ts";
import type { Server } from "../main/server.ts";
import { Registry } from "../registry/registry.ts";
import { formatAddress } from "../worker/data-plane.ts";
import { LogThreshold } from "../worker/log.ts";
import { builtinModules, loadBuiltins } from "./builtin.ts";
import type { WatchSession } from "../watch/watch-session.ts";
import type { RunFlags, Streams } from "./program.ts";
import { tuneV8 } from "../main/v8-flags.ts";

/** A configuration that cannot be served. */
const EXIT_CONFIG = 2;

export async function runCommand(file: string, flags: RunFlags, { err }: Streams): Promise<number> {
  const level = parseLogLevel(flags.logLevel);
  if (level === undefined) {
    err(`error: --log-level ${flags.logLevel}: expected one of ${LOG_LEVEL_NAMES.join(", ")}\n`);
    return 1;
  }
  if (flags.watch === true && file === "-") {
    err("error: --watch: standard input cannot be watched, expected a file\n");
    return 1;
  }
  tuneV8();
  const threshold = new LogThreshold();
  threshold.level = level;
  const log = new LogWriter({ threshold, format: flags.logFormat, write: err });
  const concurrency = flags.concurrency ?? Math.min(127, availableParallelism());
  const ending = Promise.withResolvers<string>();
  const registry = new Registry();
  const watching =
    flags.watch === true ? new (await import("../watch/watch-session.ts")).WatchSession({ file, log }) : null;
  // Its threads load while this one reads the configuration.
  const proxy = new ProxyInstance({
    source: { file },
    concurrency,
    log,
    threshold,
    registry,
    builtins: builtinModules().map(({ url }) => url),
    drainTimeMs: flags.drainTimeS * 1000,
    allowUnsupported: flags.allowUnsupported ?? false,
    adminAddressPath: flags.adminAddressPath ?? null,
    commandLine: { config_path: file, drain_time: `${flags.drainTimeS}s`, log_level: flags.logLevel },
    onQuit: () => ending.resolve("/quitquitquit"),
    bundler: watching?.bundler,
  });
  const onSignal = (signal: NodeJS.Signals) => ending.resolve(signal);
  const onHangup = reloader(file, proxy, watching, log);
  // Modules of others run in this thread, too: a promise that one of them drops must not end the proxy.
  const onRejection = (reason: unknown) =>
    log.write("error", "main", "a promise was rejected and nobody handled it", {
      error: reason instanceof Error ? (reason.stack ?? reason.message) : String(reason),
    });
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal).on("SIGHUP", onHangup).on("unhandledRejection", onRejection);
  try {
    await loadBuiltins(registry);
    const { isUp, problems, refusals } = await proxy.start();
    if (problems.size > 0) err(problems.format());
    for (const { message, place } of refusals)
      err(`${place === null ? file : `${place.position}  ${place.path}`}  ${message}\n`);
    if (!isUp) return EXIT_CONFIG;
    announce(proxy, log);
    watching?.start(() => proxy.reload());
    const reason = await ending.promise;
    await watching?.close();
    log.write("info", "main", `${reason}: draining for at most ${flags.drainTimeS} s`);
    await Promise.race([proxy.drainAndStop(), secondSignal()]);
    await proxy.stop();
    log.write("info", "main", "exiting");
    return 0;
  } finally {
    process.off("SIGTERM", onSignal).off("SIGINT", onSignal).off("SIGHUP", onHangup);
    process.off("unhandledRejection", onRejection);
    await watching?.close();
  }
}

/** SIGHUP: the configuration is read again. One at a time; those that come before it is up are of no use. */
function reloader(file: string, proxy: ProxyInstance, watching: WatchSession | null, log: LogWriter): () => void {
  let queue = Promise.resolve();
  const again = async (): Promise<void> => {
    const { config } = proxy.server;
    if (config === null || proxy.server.state === "DRAINING") return;
    if (watching !== null) return void (await watching.reload("SIGHUP"));
    log.write("info", "main", "SIGHUP: reading the configuration again");
    if (file === "-" || isModule(file)) {
      const what =
        file === "-" ? "standard input cannot be read twice" : "a configuration that is a module is loaded once";
      return log.write("error", "main", `${what}: ${file === "-" ? "use a file" : "start it with --watch"}`);
    }
    const started = performance.now();
    reportReload(log, "main", await proxy.reload(), performance.now() - started);
  };
  return () => {
    queue = queue.then(again).catch((error: unknown) => {
      log.write("error", "main", "the configuration could not be read again", { error: String(error) });
    });
  };
}

function secondSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.once("SIGTERM", () => resolve()).once("SIGINT", () => resolve());
  return promise;
}

function announce(proxy: ProxyInstance, log: LogWriter): void {
  const { server, adminAddress } = proxy;
  for (const { name, address } of server.listeners)
    log.write("info", "main", `listener ${name}: ${formatAddress(address)}`);
  const workers =
    server.concurrency === 0
      ? "in one thread"
      : server.concurrency === 1
        ? "with 1 worker"
        : `with ${server.concurrency} workers`;
  log.write("info", "main", `sluice ${SDK_VERSION} serves ${workers}`);
  for (const command of commandsToTry(server, adminAddress)) log.write("info", "main", `try: ${command}`);
}

/** The first HTTP listener, and what admin shows of it. */
function commandsToTry(server: Server, admin: AddressModel | null): string[] {
  const http =
    server.config?.listeners.findIndex(
      ({ filterChain }) => filterChain.filters.at(-1)?.kind === "http_connection_manager",
    ) ?? -1;
  const commands: string[] = [];
  if (http >= 0) {
    const tls = server.config?.listeners[http]?.filterChain.tls;
    commands.push(`curl -i ${curlTarget(server.listeners[http]!.address, tls === null ? "http" : "https")}/`);
  }
  if (admin !== null)
    commands.push(`curl ${curlTarget(admin, "http")}/clusters`, `curl ${curlTarget(admin, "http")}/stats/prometheus`);
  return commands;
}

function curlTarget(address: AddressModel, scheme: string): string {
  if (address.kind === "pipe") return `--unix-socket ${address.path} ${scheme}://localhost`;
  const host = address.host === "0.0.0.0" ? "127.0.0.1" : address.host === "::" ? "::1" : address.host;
  return `${scheme}://${formatAddress({ ...address, host })}`;
}
