/** Messages of one writer for one reader that waits for them. */
export class MessageQueue<Message> implements AsyncIterable<Message> {
  readonly #messages: Message[] = [];
  #isEnded = false;
  #error: Error | null = null;
  #wake: (() => void) | null = null;

  push(message: Message): void {
    if (this.#isEnded) return;
    this.#messages.push(message);
    this.#notify();
  }

  end(): void {
    this.#isEnded = true;
    this.#notify();
  }

  /** Ends it; the reader gets the error after what has come. */
  fail(error: Error): void {
    this.#error ??= error;
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) yield message;
      else if (this.#error !== null) throw this.#error;
      else if (this.#isEnded) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
