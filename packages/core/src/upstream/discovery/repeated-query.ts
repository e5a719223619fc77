/** Something that is asked for again and again: one question at a time, one timer, a log line when answers fail and when they come back. */
import type { SourceEnvironment } from "./host-source.ts";
import type { RefreshTimes } from "./refresh-times.ts";

export interface QueryOptions {
  /** For log lines: the name that is asked for. */
  readonly name: string;
  readonly times: RefreshTimes;
  /** Asks; the answer's time to live, -1 where none is told. Rejects where there is no answer. */
  readonly ask: () => Promise<number>;
  readonly environment: Pick<SourceEnvironment, "cluster" | "log" | "onChange">;
}

export class RepeatedQuery {
  readonly #options: QueryOptions;
  #timer: NodeJS.Timeout | null = null;
  /** Until the next question, as the last answer has it; -1: there was none yet. */
  #nextMs = -1;
  #asking: Promise<void> | null = null;
  #isFailing = false;
  #isFollowed = false;
  #isOver = false;

  constructor(options: QueryOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  ask(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  /** Asks on and on. `ms`: where it has not asked itself, when to. */
  follow(ms: number): void {
    this.#isFollowed = true;
    if (this.#asking === null) this.#schedule(this.#nextMs < 0 ? ms : this.#nextMs);
  }

  close(): void {
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #ask(): Promise<void> {
    const { times, environment, name } = this.#options;
    try {
      this.#nextMs = times.afterAnswer(await this.#options.ask());
      if (this.#isFailing && !this.#isOver)
        environment.log.write("info", "dns", `${name} of cluster ${environment.cluster} is resolved again`);
      this.#isFailing = false;
    } catch (error) {
      this.#nextMs = times.afterFailure();
      if (!this.#isFailing && !this.#isOver)
        environment.log.write(
          "warn",
          "dns",
          `${name} of cluster ${environment.cluster} could not be resolved; its hosts stay as they are`,
          { error: String(error) },
        );
      this.#isFailing = true;
    }
    if (this.#isOver) return;
    environment.onChange();
    if (this.#isFollowed) this.#schedule(this.#nextMs);
  }

  #schedule(ms: number): void {
    if (this.#isOver || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.ask();
    }, ms).unref();
  }
}
