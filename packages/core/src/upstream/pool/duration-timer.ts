/** The time that a stream may take, as one timer. */
import { TimerNode } from "../../timing/clock.ts";

export class DurationTimer extends TimerNode {
  readonly #stream: { expire(): void };

  constructor(stream: { expire(): void }) {
    super();
    this.#stream = stream;
  }

  override onTimeout(): void {
    this.#stream.expire();
  }
}
