/** Which commands pass. `config` stands for all its subcommands, `config|set` for that one; the longer name decides where both are listed. */
import type { RedisGateConfig } from "./config.ts";

export class Rules {
  readonly #isAllowList: boolean;
  readonly #names: ReadonlySet<string>;
  readonly #parents: ReadonlySet<string>;

  constructor({ allow, deny }: Pick<RedisGateConfig, "allow" | "deny">) {
    this.#isAllowList = allow !== undefined;
    this.#names = new Set(allow ?? deny);
    this.#parents = new Set(
      [...this.#names].filter((name) => name.includes("|")).map((name) => name.split("|", 1)[0]!),
    );
  }

  /** Whether the second word has to be known, too. `client` needs it in any case: it can turn replies off. */
  needsSubcommand(command: string): boolean {
    return command === "client" || this.#parents.has(command);
  }

  /** Names in lower case; `subcommand` is empty where there is none, or it does not matter. */
  allows(command: string, subcommand: string): boolean {
    const isListed = this.#names.has(command) || this.#names.has(`${command}|${subcommand}`);
    return isListed === this.#isAllowList;
  }
}
