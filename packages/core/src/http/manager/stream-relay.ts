/** What only streams have that took each other's place (internal redirects): one object for all of them, none for the others. */
import type { HttpStream } from "./http-stream.ts";

export class StreamRelay {
  /** The stream whose turn it is; null while one takes another's place. */
  current: HttpStream | null;
  /** What the terminal filter of the stream before handed over. */
  inheritance: unknown;

  constructor() {
    this.current = null;
    this.inheritance = undefined;
  }
}
