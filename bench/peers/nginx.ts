/** nginx with one worker and kept-alive upstream connections; buffers that hold the largest measured body. */
import { commandVersion, missingCommand, type Peer, startPeer, writeConfig } from "./peer.ts";

/** Only root's master may name the workers' user; the default one could not enter the run's directory. */
export const USER = process.getuid?.() === 0 ? "user root;" : "";

const CONFIG = `worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
${USER}
pid {DIRECTORY}/nginx-{PORT}.pid;
error_log stderr crit;
events { worker_connections 16384; }
http {
  access_log off;
  client_body_temp_path {DIRECTORY}/nginx-body;
  proxy_temp_path {DIRECTORY}/nginx-proxy;
  fastcgi_temp_path {DIRECTORY}/nginx-fastcgi;
  uwsgi_temp_path {DIRECTORY}/nginx-uwsgi;
  scgi_temp_path {DIRECTORY}/nginx-scgi;
  client_body_buffer_size 32k;
  proxy_buffers 16 8k;
  proxy_max_temp_file_size 0;
  keepalive_requests 1000000000;
  upstream origin {
    server 127.0.0.1:{ORIGIN};
    keepalive 1024;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:{PORT} backlog=4096;
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`;

export const nginx: Peer = {
  id: "nginx",
  title: "nginx",
  protocol: "http",
  isNodePeer: false,
  missing: () => missingCommand("nginx", "nginx-light"),
  version: () => commandVersion("nginx", "-v"),
  start: (options) =>
    startPeer(nginx, options, (port) => [
      "nginx",
      "-e",
      "stderr",
      "-p",
      options.directory,
      "-c",
      writeConfig(options, `nginx-${port}.conf`, CONFIG, port),
    ]),
};
