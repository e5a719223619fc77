// A proxy as a process whose upstream connections read into buffers of a given size: `node read-buffer-proxy.ts BYTES CONFIG-AS-JSON`. Prints the
// port of its first listener. Small buffers show what large ones hide: bytes that are overwritten while they still wait to be written.
import { ClusterManager } from "../../packages/core/src/upstream/cluster-manager.ts";
import type { Connector } from "../../packages/core/src/upstream/connector.ts";
import { connectUpstream } from "../../packages/core/src/upstream/tcp-connector.ts";
import { ProxyInstance } from "../../packages/core/src/main/proxy-instance.ts";
import { loadBuiltins } from "../../packages/core/src/cli/builtin.ts";
import { LogWriter } from "../../packages/core/src/main/log-writer.ts";
import { LogThreshold } from "../../packages/core/src/worker/log.ts";
import { parts } from "../../packages/core/src/worker/compose.ts";
import type { RuntimeParts } from "../../packages/core/src/worker/parts.ts";

const [bytes = "", config = ""] = process.argv.slice(2);
const readBufferSizes = { minBytes: Number(bytes), maxBytes: Number(bytes) };

const local: RuntimeParts = {
  ...(parts as unknown as RuntimeParts),
  createClusterManager: (services) =>
    new ClusterManager(services, (model): Connector => {
      const { workerIndex } = services;
      const common = {
        tls: null,
        serverName: "",
        tlsStats: null,
        workerIndex,
        environment: services,
        highWatermark: model.bufferLimitBytes,
      };
      return {
        connect: (host, timeoutMs, events) =>
          connectUpstream({ ...common, address: host.target, timeoutMs, readBufferSizes }, events),
      };
    }),
};

const threshold = new LogThreshold();
const proxy = new ProxyInstance({
  source: { text: config, name: "config" },
  concurrency: 0,
  drainTimeMs: 0,
  allowUnsupported: false,
  threshold,
  log: new LogWriter({ threshold, format: "text", write: (line) => void process.stderr.write(line) }),
  registry: await loadBuiltins(),
  builtins: [],
  parts: { url: null, local },
  commandLine: {},
  adminAddressPath: null,
  onQuit: () => {},
});
const { isUp, problems, refusals } = await proxy.start();
if (!isUp) throw new Error(problems.format() + refusals.map(({ message }) => message).join("\n"));
const [listener] = proxy.server.listeners;
process.stdout.write(`port ${listener?.address.kind === "ip" ? listener.address.port : 0}\n`);
