/** Starts what stands behind the proxies, on the load's core: nginx for GET where it is installed, since it costs that core least. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { USER } from "../peers/nginx.ts";
import { answersOk } from "./http-client.ts";
import { answersHttp2 } from "./http2-client.ts";
import { hasCommand, LOAD_CORE } from "./machine.ts";
import { freePort, Program, waitUntil } from "./process.ts";
import { canConnect } from "./tcp-client.ts";

export interface Origin {
  name: string;
  port: number;
  program: Program;
}

export const SMALL_BODY = "x".repeat(70);
export const LARGE_BODY = "y".repeat(65_536);
export const HUGE_BODY = "z".repeat(2 ** 20);

const START_MS = 10_000;

const NGINX = `worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
${USER}
pid {DIRECTORY}/origin.pid;
error_log stderr crit;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path {DIRECTORY}/origin-body;
  proxy_temp_path {DIRECTORY}/origin-proxy;
  fastcgi_temp_path {DIRECTORY}/origin-fastcgi;
  uwsgi_temp_path {DIRECTORY}/origin-uwsgi;
  scgi_temp_path {DIRECTORY}/origin-scgi;
  keepalive_requests 1000000000;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=10;
  open_file_cache_valid 1h;
  server {
    listen 127.0.0.1:{PORT} backlog=4096;
    default_type text/plain;
    location = /70 { return 200 "${SMALL_BODY}"; }
    location / { root {DIRECTORY}/www; }
  }
}
`;

/** The origin of the GET cases: nginx, or our own where nginx is not installed. */
export async function startGetOrigin(directory: string): Promise<Origin> {
  if (!hasCommand("nginx")) return startPostOrigin();
  const port = await freePort();
  mkdirSync(join(directory, "www"), { recursive: true });
  writeFileSync(join(directory, "www/64k"), LARGE_BODY);
  const config = join(directory, "origin.conf");
  writeFileSync(config, NGINX.replaceAll("{PORT}", String(port)).replaceAll("{DIRECTORY}", directory));
  const program = new Program("origin", "nginx", ["-e", "stderr", "-p", directory, "-c", config], { core: LOAD_CORE });
  await waitUntil(program, () => answersOk(port, "/70"), START_MS);
  return { name: "nginx", port, program };
}

/** Our own origin, which also counts and sums POST bodies. */
export async function startPostOrigin(): Promise<Origin> {
  return startScript("origin.ts", (port) => answersOk(port, "/70"));
}

export async function startEcho(): Promise<Origin> {
  return startScript("echo.ts", canConnect);
}

async function startScript(file: string, probe: (port: number) => Promise<boolean>): Promise<Origin> {
  const port = await freePort();
  const script = join(import.meta.dirname, "../origin", file);
  const program = new Program(file, process.execPath, [script, String(port)], { core: LOAD_CORE });
  await waitUntil(program, () => probe(port), START_MS);
  return { name: "net.Socket", port, program };
}

/** What is behind the proxies that speak HTTP/2 upstream. Every answer has the trailer of a gRPC call that went well where `trailers` says so. */
export async function startHttp2Origin(directory: string, trailers: boolean): Promise<Origin> {
  const port = await freePort();
  const root = join(directory, "h2");
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, "70"), SMALL_BODY);
  writeFileSync(join(root, "1m"), HUGE_BODY);
  const args = ["--no-tls", "-a", "127.0.0.1", "-d", root, ...(trailers ? ["--trailer=grpc-status: 0"] : [])];
  const program = new Program("origin", "nghttpd", [...args, String(port)], { core: LOAD_CORE });
  await waitUntil(program, () => answersHttp2(port, "/70"), START_MS);
  return { name: "nghttpd", port, program };
}
