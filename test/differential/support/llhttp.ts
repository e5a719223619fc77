/** Node's own HTTP/1 parser (llhttp), strict, as the oracle: what it makes of the bytes of one connection. */
import { createRequire } from "node:module";

interface NativeParser {
  initialize(type: number, resource: object, maxHeaderSize: number, lenientFlags: number): void;
  execute(data: Uint8Array): number | (Error & { code: string });
  finish(): undefined | (Error & { code: string });
  [callback: number]: (...args: never[]) => unknown;
}
interface NativeParserClass {
  new (): NativeParser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kLenientNone: number;
  readonly kOnMessageBegin: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

// Not a public module; the one way to the parser without a socket, and Node's own servers and clients stand on it.
const { HTTPParser, methods } = createRequire(import.meta.url)("_http_common") as {
  HTTPParser: NativeParserClass;
  methods: readonly string[];
};

/** What llhttp knows; it refuses any other method. */
export const llhttpMethods: ReadonlySet<string> = new Set(methods);

export type Pair = readonly [name: string, value: string];

export interface Message {
  /** Of a request. */
  method: string;
  target: string;
  /** Of a response. */
  status: number;
  version: string;
  /** Names in lower case. */
  fields: Pair[];
  body: string;
  trailers: Pair[];
  keepAlive: boolean;
  upgrade: boolean;
  isComplete: boolean;
}

export interface Verdict {
  readonly messages: readonly Message[];
  /** Error code of llhttp; "" where it refused nothing. */
  readonly error: string;
}

export interface LlhttpOptions {
  /** The responses answer to HEAD. */
  readonly isHead?: boolean;
  /** The connection ends after the bytes. @default false */
  readonly ends?: boolean;
}

export function llhttp(kind: "request" | "response", bytes: Uint8Array, options: LlhttpOptions = {}): Verdict {
  const parser = new HTTPParser();
  parser.initialize(kind === "request" ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {}, 0, HTTPParser.kLenientNone);
  const messages: Message[] = [];
  let current = emptyMessage();
  let raw: string[] = [];
  let hasHead = false;
  parser[HTTPParser.kOnMessageBegin] = () => {
    current = emptyMessage();
    raw = [];
    hasHead = false;
  };
  parser[HTTPParser.kOnHeaders] = (fields: string[], url: string) => {
    raw.push(...fields);
    current.target += hasHead ? "" : url;
  };
  parser[HTTPParser.kOnHeadersComplete] = (
    major: number,
    minor: number,
    fields: string[] | undefined,
    method: number,
    url: string | undefined,
    status: number | undefined,
    _reason: string | undefined,
    upgrade: boolean,
    keepAlive: boolean,
  ) => {
    raw.push(...(fields ?? []));
    current.fields = pairs(raw);
    raw = [];
    hasHead = true;
    current.version = `${major}.${minor}`;
    if (kind === "request") current.method = methods[method] ?? "";
    if (url !== undefined) current.target = url;
    current.status = status ?? 0;
    current.upgrade = upgrade;
    current.keepAlive = keepAlive;
    messages.push(current);
    return options.isHead === true && current.status >= 200 ? 1 : 0;
  };
  parser[HTTPParser.kOnBody] = (data: Buffer) => {
    current.body += data.toString("latin1");
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    current.trailers = pairs(raw);
    current.isComplete = true;
  };
  const result = parser.execute(bytes);
  let error = typeof result === "number" ? "" : result.code;
  if (error === "" && options.ends === true) error = parser.finish()?.code ?? "";
  return { messages, error };
}

function emptyMessage(): Message {
  return {
    method: "",
    target: "",
    status: 0,
    version: "",
    fields: [],
    body: "",
    trailers: [],
    keepAlive: false,
    upgrade: false,
    isComplete: false,
  };
}

function pairs(raw: readonly string[]): Pair[] {
  const fields: Pair[] = [];
  for (let i = 0; i < raw.length; i += 2) fields.push([raw[i]!.toLowerCase(), raw[i + 1]!]);
  return fields;
}
