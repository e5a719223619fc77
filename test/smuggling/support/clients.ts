// The clients of the corpus: one connection a case, which ends when the follower is answered or the proxy closes.
import { type Socket, connect } from "node:net";
import { within } from "../../support/eventually.ts";
import { Http2Peer, type PeerStream, framesOf } from "./http2-peer.ts";
import type { Pair } from "./strict-http1.ts";
import type { Http2Message } from "./strict-http2.ts";

/** Longer than every time-out of the proxy. */
const MOST_MS = 20_000;

export interface Heard {
  readonly text: string;
  readonly isClosed: boolean;
}

/** Sends the pieces, each in a write of its own. */
export async function askOverHttp1(port: number, id: string, pieces: readonly string[]): Promise<Heard> {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  const { promise, resolve } = Promise.withResolvers<Heard>();
  let text = "";
  socket.on("data", (piece: Buffer) => {
    text += piece.toString("latin1");
    const at = text.indexOf(`x-origin: ${id}:follower\r\n`);
    if (at !== -1 && text.indexOf("\r\n\r\necho", at) !== -1) resolve({ text, isClosed: false });
  });
  socket.on("error", () => {}).on("close", () => resolve({ text, isClosed: true }));
  await sendPieces(socket, pieces);
  try {
    return await within(`an end of ${JSON.stringify(pieces.join("").slice(0, 300))}`, promise, MOST_MS);
  } finally {
    socket.destroy();
  }
}

async function sendPieces(socket: Socket, pieces: readonly string[]): Promise<void> {
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) await new Promise(setImmediate);
    socket.write(piece, "latin1");
  }
}

/** The streams of the case's request and of its follower. */
export async function askOverHttp2(port: number, id: string, message: Http2Message): Promise<PeerStream[]> {
  const socket = connect(port, "127.0.0.1");
  const { promise, resolve } = Promise.withResolvers<void>();
  const over = (): boolean => [1, 3].every((each) => isOver(peer.streams.get(each)));
  const peer = new Http2Peer(socket, false, (stream) => {
    if (stream === null || over()) resolve();
  });
  peer.send(Buffer.concat([framesOf(1, message), framesOf(3, followerOf(id))]));
  try {
    await within(`the end of ${JSON.stringify(message.head)}`, promise, MOST_MS);
  } finally {
    socket.destroy();
  }
  return [1, 3].flatMap((each) => peer.streams.get(each) ?? []);
}

function isOver(stream: PeerStream | undefined): boolean {
  return stream !== undefined && (stream.ended || stream.isReset);
}

function followerOf(id: string): Http2Message {
  const head: Pair[] = [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/follower"],
    [":authority", "a.example"],
    ["x-case", id],
    ["x-part", "follower"],
  ];
  return { head, body: "", trailers: null };
}
