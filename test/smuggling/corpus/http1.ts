// The grammar's parts for HTTP/1 requests: one case is a request that is legal but for one thing, with the smuggled one behind it where a wrong reading would find it.
import { CASE } from "../support/seen.ts";

export interface Http1Case {
  /** Stable: group, then what is odd. */
  readonly name: string;
  /** What is sent, before the follower. */
  readonly bytes: string;
  /** `edge`: hardened; `upgrades`: WebSocket is allowed. */
  readonly listener: "plain" | "edge" | "upgrades";
}

export const IDENTITY = `x-case: ${CASE}\r\nx-part: main\r\n`;
export const HOST = "host: a.example\r\n";
export const SMUGGLED = `GET /smuggled HTTP/1.1\r\nhost: a.example\r\nx-case: ${CASE}\r\nx-part: smuggled\r\n\r\n`;
export const FOLLOWER = `GET /follower HTTP/1.1\r\nhost: a.example\r\nx-case: ${CASE}\r\nx-part: follower\r\n\r\n`;
/** A chunked body that ends before the smuggled request. */
export const CHUNKS = "5\r\nhello\r\n0\r\n\r\n";

export function post(fields: string, body = ""): string {
  return `POST /main HTTP/1.1\r\n${HOST}${IDENTITY}${fields}\r\n${body}`;
}

export function get(fields: string): string {
  return `GET /main HTTP/1.1\r\n${HOST}${IDENTITY}${fields}\r\n`;
}

/** The text as a name shows it. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}

export class Corpus {
  readonly cases: Http1Case[] = [];

  add(name: string, bytes: string, listener: Http1Case["listener"] = "plain"): void {
    this.cases.push({ name, bytes, listener });
  }

  /** One case for every odd text. */
  each(
    group: string,
    odd: readonly string[],
    bytes: (text: string) => string,
    listener: Http1Case["listener"] = "plain",
  ): void {
    for (const text of odd) this.add(`${group}: ${shown(text)}`, bytes(text), listener);
  }
}

/** What stands for the end of a line and is none. */
export const LINE_ENDS = ["\n", "\r", "\r\r\n", "\n\r\n", "\r\n\n", "\n\r", " \r\n", "\0\r\n", "\x0b\r\n", ""];
