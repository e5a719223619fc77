/** Status lines, made once. */
import { reasonPhrase } from "../reason-phrase.ts";

function table(version: string): readonly string[] {
  return Array.from({ length: 600 }, (_, status) => `${version} ${status} ${reasonPhrase(status)}\r\n`);
}

const HTTP_1_1 = table("HTTP/1.1");
const HTTP_1_0 = table("HTTP/1.0");

/** `status`: below 600, as header maps have it. With CRLF. */
export function statusLine(status: number, isHttp10: boolean): string {
  return (isHttp10 ? HTTP_1_0 : HTTP_1_1)[status]!;
}
