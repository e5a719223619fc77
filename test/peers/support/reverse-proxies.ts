// Reverse proxies of Debian (caddy, apache2, nginx, haproxy, nghttpx) by one description: what they speak to clients, and what to their
// one upstream. So each can stand behind the proxy and in front of it.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Daemon, writeConfig } from "../../support/program.ts";

/** `h2c`: HTTP/2 without TLS, by prior knowledge; `h2`: by ALPN. */
export type Spoken = "h1" | "h2c" | "h2";

export interface Wanted {
  readonly listens: Spoken;
  readonly speaks: Spoken;
  /** On 127.0.0.1. */
  readonly upstream: number;
}

export type StartProxy = (wanted: Wanted) => Promise<Daemon>;

const CERT = fileURLToPath(new URL("../../fixtures/tls/server.pem", import.meta.url));
const KEY = fileURLToPath(new URL("../../fixtures/tls/server.key", import.meta.url));

export const caddy: StartProxy = ({ listens, speaks, upstream }) =>
  Daemon.start("caddy", async (port, folder) => {
    const transports = {
      h1: { versions: ["1.1"] },
      h2c: { versions: ["h2c", "2"] },
      h2: { versions: ["2"], tls: { insecure_skip_verify: true } },
    };
    const reverse = {
      handler: "reverse_proxy",
      flush_interval: -1,
      upstreams: [{ dial: `127.0.0.1:${upstream}` }],
      transport: { protocol: "http", ...transports[speaks] },
    };
    const server = {
      listen: [`127.0.0.1:${port}`],
      protocols: listens === "h1" ? ["h1"] : ["h1", listens],
      automatic_https: { disable: true },
      routes: [{ handle: [reverse] }],
      ...(listens === "h2" ? { tls_connection_policies: [{}] } : {}),
    };
    const config = {
      admin: { disabled: true, config: { persist: false } },
      storage: { module: "file_system", root: folder },
      apps: {
        http: { servers: { front: server } },
        tls: { certificates: { load_files: [{ certificate: CERT, key: KEY }] } },
      },
    };
    return ["run", "--config", await writeConfig(folder, "caddy.json", JSON.stringify(config))];
  });

export const apache: StartProxy = ({ listens, speaks, upstream }) =>
  Daemon.start("apache2", async (port, folder) => {
    const modules = ["mpm_event", "authz_core", "http2", "ssl", "proxy", "proxy_http", "proxy_http2"];
    const schemes = { h1: "http", h2c: "h2c", h2: "h2" };
    const config = await writeConfig(
      folder,
      "apache.conf",
      `ServerRoot ${folder}
      ServerName localhost
      Listen 127.0.0.1:${port}
      PidFile ${folder}/pid
      ErrorLog ${folder}/error.log
      Mutex file:${folder}
      User www-data
      Group www-data
      ${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join("\n")}
      Protocols ${listens === "h1" ? "http/1.1" : `${listens} http/1.1`}
      H2Direct on
      ${listens === "h2" ? `SSLEngine on\nSSLCertificateFile ${CERT}\nSSLCertificateKeyFile ${KEY}` : ""}
      SSLProxyEngine on
      SSLProxyVerify none
      SSLProxyCheckPeerName off
      ProxyPass / ${schemes[speaks]}://127.0.0.1:${upstream}/
      `,
    );
    return ["-f", config, "-DFOREGROUND"];
  });

/** Speaks HTTP/1 alone to upstreams. */
export const nginx: StartProxy = ({ listens, upstream }) =>
  Daemon.start("nginx", async (port, folder) => {
    const protocol = { h1: "", h2c: "http2", h2: "ssl http2" }[listens];
    const config = await writeConfig(
      folder,
      "nginx.conf",
      `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
      events {}
      http {
        access_log off; client_max_body_size 0;
        client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
        upstream back { server 127.0.0.1:${upstream}; keepalive 16; }
        server {
          listen 127.0.0.1:${port} ${protocol};
          ${listens === "h2" ? `ssl_certificate ${CERT}; ssl_certificate_key ${KEY};` : ""}
          location / {
            proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_request_buffering off;
          }
        }
      }`,
    );
    return ["-p", folder, "-c", config];
  });

export const haproxy: StartProxy = ({ listens, speaks, upstream }) =>
  Daemon.start("haproxy", async (port, folder) => {
    const both = await writeConfig(folder, "both.pem", `${await readFile(CERT, "utf8")}${await readFile(KEY, "utf8")}`);
    const bind = { h1: "", h2c: "proto h2", h2: `ssl crt ${both} alpn h2` };
    const server = { h1: "", h2c: "proto h2", h2: "ssl verify none alpn h2" };
    const config = await writeConfig(
      folder,
      "haproxy.cfg",
      `defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen front
  bind 127.0.0.1:${port} ${bind[listens]}
  server back 127.0.0.1:${upstream} ${server[speaks]}
`,
    );
    return ["-db", "-f", config];
  });

export const nghttpx: StartProxy = ({ listens, speaks, upstream }) =>
  Daemon.start("nghttpx", (port, folder) => {
    const backend = { h1: "", h2c: ";;proto=h2", h2: ";;proto=h2;tls" };
    return [
      "--conf=/dev/null",
      `--frontend=127.0.0.1,${port}${listens === "h2" ? "" : ";no-tls"}`,
      `--backend=127.0.0.1,${upstream}${backend[speaks]}`,
      "--insecure",
      `--errorlog-file=${folder}/error.log`,
      "--workers=1",
      ...(listens === "h2" ? [KEY, CERT] : []),
    ];
  });
