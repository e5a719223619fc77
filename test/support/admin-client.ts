// Asks the admin interface, as an operator would.
import { eventually } from "./eventually.ts";

export interface AdminReply {
  readonly status: number;
  readonly body: string;
}

export class AdminClient {
  readonly #base: string;

  constructor(address: string) {
    this.#base = `http://${address}`;
  }

  get(path: string): Promise<AdminReply> {
    return this.#ask(path, "GET");
  }

  post(path: string, signal?: AbortSignal): Promise<AdminReply> {
    return this.#ask(path, "POST", signal);
  }

  async json(path: string): Promise<unknown> {
    return JSON.parse((await this.get(path)).body) as unknown;
  }

  /** Counters and gauges by name. */
  async stats(): Promise<Map<string, number>> {
    const { body } = await this.get("/stats");
    const values = new Map<string, number>();
    for (const line of body.split("\n")) {
      const [, name, value] = /^(\S+): (-?\d+)$/.exec(line) ?? [];
      if (name !== undefined) values.set(name, Number(value));
    }
    return values;
  }

  async stat(name: string): Promise<number> {
    const value = (await this.stats()).get(name);
    if (value === undefined) throw new Error(`there is no statistic ${name}`);
    return value;
  }

  /** Waits until a statistic has a value: what happens at a stream's end may come a turn after its last byte. */
  async reaches(name: string, expected: number, withinMs?: number): Promise<void> {
    let value: number | undefined;
    await eventually(
      `${name} is ${expected}`,
      async () => {
        value = (await this.stats()).get(name);
        if (value !== expected) throw new Error(`it is ${value}`);
        return true;
      },
      withinMs,
    );
  }

  async #ask(path: string, method: string, signal: AbortSignal | null = null): Promise<AdminReply> {
    const response = await fetch(this.#base + path, { method, signal });
    return { status: response.status, body: await response.text() };
  }
}
