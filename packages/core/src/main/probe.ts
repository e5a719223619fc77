/**
 * What main finds out about addresses before workers bind them: whether someone else listens there (a second process with
 * `reusePort` would silently share the traffic), and whether this system lets several threads listen on one address at all.
 */
import { lstat, unlink } from "node:fs/promises";
import { type ListenOptions, type Server, connect, createServer } from "node:net";
import type { AddressModel } from "../config/model.ts";
import { explainBindError } from "../worker/bind-error.ts";
import { formatAddress } from "../worker/data-plane.ts";

/** Binds and lets go again. Resolves with the sentence that says why it cannot be bound, or null. */
export async function probeAddress(address: AddressModel): Promise<string | null> {
  if (address.kind === "pipe") return probePipe(address.path);
  const error = await tryListen({ host: address.host, port: address.port, exclusive: true });
  return error === null ? null : `${formatAddress(address)} ${explainBindError(error)}`;
}

/** Whether two sockets of this process can listen on one port. */
export async function canReusePort(): Promise<boolean> {
  return (await tryListen({ host: "127.0.0.1", port: 0, reusePort: true })) === null;
}

async function tryListen(options: ListenOptions): Promise<NodeJS.ErrnoException | null> {
  const server: Server = createServer();
  const { promise, resolve } = Promise.withResolvers<NodeJS.ErrnoException | null>();
  server.once("error", resolve);
  server.listen(options, () => server.close(() => resolve(null)));
  return promise;
}

/** A socket file that nobody listens on was left behind by a process that died: it is removed. Anything else is in the way. */
async function probePipe(path: string): Promise<string | null> {
  // An abstract socket (Linux) has no file.
  if (path.startsWith("\0") || process.platform === "win32") return null;
  try {
    if (!(await lstat(path)).isSocket()) return `${path} exists and is no socket`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT"
      ? null
      : `${path} ${explainBindError(error as NodeJS.ErrnoException)}`;
  }
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path, () => resolve(true)).once("error", () => resolve(false));
  const isAlive = await promise;
  socket.destroy();
  if (isAlive) return `${path} is in use by another socket (EADDRINUSE)`;
  await unlink(path);
  return null;
}
