/** node:http2 on both sides, streams piped into each other: the proxy that Node's own HTTP/2 makes. */
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";

const { HTTP2_HEADER_STATUS } = constants;
const origin = `http://127.0.0.1:${process.argv[3]}`;
/** What nghttpd takes on one connection. */
const MAX_STREAMS = 100;

class Upstream {
  readonly session: ClientHttp2Session = connect(origin);
  open = 0;

  constructor() {
    this.session.on("error", () => this.session.destroy());
    this.session.on("close", () => sessions.delete(this));
    this.session.on("goaway", () => sessions.delete(this));
  }
}

const sessions = new Set<Upstream>();

function upstreamWithRoom(): Upstream {
  for (const one of sessions) if (one.open < MAX_STREAMS && !one.session.closed) return one;
  const made = new Upstream();
  sessions.add(made);
  return made;
}

function forward(downstream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const upstream = upstreamWithRoom();
  upstream.open++;
  const stream = upstream.session.request(headers, { endStream: downstream.endAfterHeaders });
  if (!downstream.endAfterHeaders) downstream.pipe(stream);
  stream.on("response", (fields) => {
    downstream.respond({ ...fields, [HTTP2_HEADER_STATUS]: fields[HTTP2_HEADER_STATUS] }, { waitForTrailers: true });
    let trailers: IncomingHttpHeaders = {};
    stream.on("trailers", (last) => (trailers = last));
    downstream.on("wantTrailers", () => {
      if (Object.keys(trailers).length > 0) downstream.sendTrailers(trailers);
      else downstream.close();
    });
    stream.pipe(downstream);
  });
  stream.on("close", () => upstream.open--);
  stream.on("error", () => downstream.close(constants.NGHTTP2_INTERNAL_ERROR));
  downstream.on("error", () => {});
  downstream.on("close", () => stream.close(constants.NGHTTP2_CANCEL));
}

const server = createServer();
server.on("stream", forward);
server.on("sessionError", () => {});
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
process.on("SIGTERM", () => process.exit(0));
