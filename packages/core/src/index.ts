/** `@sluice/core`: the proxy as a library. */
export {
  type CreateServerOptions,
  type ProxyServer,
  type StartedServer,
  ConfigurationError,
  createServer,
} from "./cli/create-server.ts";
export { type SluiceConfig, defineConfig } from "./config/define-config.ts";
export type { Problem } from "./config/problems.ts";
export type { LogLevel, LogSink } from "./worker/log.ts";
