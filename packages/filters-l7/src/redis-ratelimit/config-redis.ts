/** How Redis is reached: one server by its URL, or a cluster by some of its nodes; credentials; TLS. Files are read when the filter is made. */
import { Section } from "../shared/section.ts";

export interface RedisTlsSettings {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** Empty: the host's name. */
  readonly serverName: string;
}

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

export interface RedisSettings {
  /** One of a single server, some of a cluster; empty where it is a Unix socket. */
  readonly nodes: readonly RedisAddress[];
  readonly socketPath: string;
  readonly isCluster: boolean;
  readonly database: number;
  readonly username: string;
  readonly password: string;
  readonly passwordFile: string;
  /** null: plain. */
  readonly tls: RedisTlsSettings | null;
  readonly connectTimeoutMs: number;
}

export const REDIS_FIELDS = [
  "url",
  "cluster",
  "database",
  "username",
  "password",
  "password_file",
  "tls",
  "connect_timeout",
];
const TLS = ["ca_file", "cert_file", "key_file", "server_name"];
const URLS = "expected redis://host:port, rediss://host:port or unix:///path";

/** A URL, or a mapping with `url` or `cluster`. @throws ConfigError */
export function parseRedis(parent: Section, key: string): RedisSettings {
  const value = parent.get(key);
  const isText = typeof value === "string";
  const section = isText ? parent : (parent.section(key, REDIS_FIELDS) ?? missing(parent, key));
  const field = isText ? key : "url";
  if (!isText && section.has("url") === section.has("cluster")) throw section.wrong("url", "expected url or cluster");
  const target = !isText && section.has("cluster") ? clusterOf(section) : serverOf(section, field);
  if (isText) return { ...target, ...NOTHING_MORE, database: target.database, connectTimeoutMs: 1000 };
  return { ...target, ...optionsOf(section, target) };
}

function missing(parent: Section, key: string): never {
  throw parent.wrong(key, URLS);
}

type Target = Pick<RedisSettings, "nodes" | "socketPath" | "isCluster" | "database" | "username" | "password" | "tls">;
const NOTHING_MORE = { passwordFile: "" };
const PLAIN_TLS: RedisTlsSettings = { caFile: "", certFile: "", keyFile: "", serverName: "" };

function serverOf(section: Section, key: string): Target {
  const text = section.string(key);
  const wrong = (message = URLS): never => {
    throw section.wrong(key, message);
  };
  if (!URL.canParse(text)) return wrong();
  const url = new URL(text);
  const { protocol, pathname } = url;
  if (url.search !== "" || url.hash !== "") return wrong("expected a URL without a query");
  const username = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  const common = { isCluster: false, username, password };
  if (protocol === "unix:") {
    if (url.host !== "" || pathname.length < 2) return wrong();
    return { ...common, nodes: [], socketPath: decodeURIComponent(pathname), database: 0, tls: null };
  }
  if ((protocol !== "redis:" && protocol !== "rediss:") || url.hostname === "") return wrong();
  const database = pathname === "" || pathname === "/" ? 0 : Number(pathname.slice(1));
  if (!Number.isInteger(database) || database < 0) return wrong("expected the number of a database as the path");
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const nodes = [{ host, port: url.port === "" ? 6379 : Number(url.port) }];
  return { ...common, nodes, socketPath: "", database, tls: protocol === "rediss:" ? PLAIN_TLS : null };
}

function clusterOf(section: Section): Target {
  const value = section.get("cluster");
  const expected = "expected a list of nodes: host:port";
  if (!Array.isArray(value) || value.length === 0) throw section.wrong("cluster", expected);
  const nodes = value.map((node): RedisAddress => {
    const match = typeof node === "string" ? /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/@]+)):(\d{1,5})$/.exec(node) : null;
    const port = Number(match?.[3]);
    if (match === null || port < 1 || port > 65_535) throw section.wrong("cluster", expected);
    return { host: (match[1] ?? match[2])!, port };
  });
  if (section.has("database")) throw section.wrong("database", "a cluster has one database alone");
  return { nodes, socketPath: "", isCluster: true, database: 0, username: "", password: "", tls: null };
}

function optionsOf(section: Section, target: Target): Omit<RedisSettings, "nodes" | "socketPath" | "isCluster"> {
  const password = section.string("password", target.password);
  const passwordFile = section.string("password_file");
  if (password !== "" && passwordFile !== "") throw section.wrong("password_file", "there is a password, too");
  const connectTimeoutMs = section.has("connect_timeout") ? section.durationMs("connect_timeout") : 1000;
  if (connectTimeoutMs < 10 || connectTimeoutMs > 60_000)
    throw section.wrong("connect_timeout", "expected 0.01s to 60s");
  const tls = section.section("tls", TLS);
  if (tls !== null && target.socketPath !== "") throw section.wrong("tls", "a Unix socket speaks no TLS");
  const username = section.string("username", target.username);
  if (username !== "" && password === "" && passwordFile === "")
    throw section.wrong("username", "expected a password, too");
  return {
    database: section.integer("database", target.database, 0, 65_535),
    username,
    password,
    passwordFile,
    tls: tls === null ? target.tls : tlsOf(tls),
    connectTimeoutMs,
  };
}

function tlsOf(section: Section): RedisTlsSettings {
  const settings = {
    caFile: section.string("ca_file"),
    certFile: section.string("cert_file"),
    keyFile: section.string("key_file"),
    serverName: section.string("server_name"),
  };
  if ((settings.certFile === "") !== (settings.keyFile === ""))
    throw section.wrong("cert_file", "expected cert_file and key_file together");
  return settings;
}
