/**
 * Lets some commands of the Redis protocol pass and answers the others itself, in their order among the answers of the server. An example of a network filter:
 * both directions parsed as they stream, bytes left out and put in, state of a connection.
 */
import { type NetworkConnection, type WatermarkListener, defineNetworkFilter } from "@sluice/sdk";
import { type CommandJudge, CommandReader, type Judgement } from "./command-reader.ts";
import { config } from "./config.ts";
import { ReplyOrder } from "./reply-order.ts";
import { Rules } from "./rules.ts";

/** Commands after which answers no longer match commands one by one: what is denied then closes the connection. */
const UNORDERED = new Set([
  "subscribe",
  "psubscribe",
  "ssubscribe",
  "unsubscribe",
  "punsubscribe",
  "sunsubscribe",
  "monitor",
  "replconf",
  "sync",
  "psync",
]);
const DISCARD = Buffer.from("*1\r\n$7\r\nDISCARD\r\n");
const ABORTED = Buffer.from("-EXECABORT Transaction discarded because of previous errors.\r\n");
const NOTHING = new Uint8Array(0);

interface State {
  session: Session | null;
  pressure: AnswerPressure | null;
}

export const redisGate = defineNetworkFilter({
  id: "acme.network.redis-gate",
  maturity: "beta",
  security: "untrusted-downstream",
  config,
  newState: (): State => ({ session: null, pressure: null }),
  create(settings, context) {
    const rules = new Rules(settings);
    const limits = { maxArguments: settings.max_arguments, maxArgumentBytes: settings.max_argument_bytes };
    const denied = Buffer.from(`-NOPERM ${settings.message}\r\n`);
    const stats = {
      passed: context.stats.counter("passed"),
      denied: context.stats.counter("denied"),
      errors: context.stats.counter("protocol_errors"),
    };

    const close = (connection: NetworkConnection<State>, details: string): Uint8Array => {
      if (details === "redis_protocol_error") stats.errors.inc();
      connection.close("flush", details);
      return NOTHING;
    };

    return {
      onNewConnection(connection) {
        connection.state.session = new Session(rules, limits, denied, stats);
        connection.state.pressure = new AnswerPressure(connection);
      },
      onData(data, end, connection) {
        const session = connection.state.session!;
        const out = session.commands.read(data);
        if (session.isLost) return close(connection, "redis_command_denied");
        if (session.commands.fault !== null) return close(connection, "redis_protocol_error");
        const answers = session.order.takeNow();
        if (answers !== null) {
          connection.write.inject(answers, false);
          connection.state.pressure!.answered();
        }
        if (session.order.isTooLong) return close(connection, "redis_too_many_commands");
        // Half a command is no command: the server would wait for the rest.
        if (end && session.commands.isInside) return close(connection, "redis_protocol_error");
        return out ?? undefined;
      },
      onWrite(data, _end, connection) {
        const { order } = connection.state.session!;
        const out = order.write(data);
        return order.fault === null ? (out ?? undefined) : close(connection, "redis_protocol_error");
      },
    };
  },
});

export default redisGate;

/** A client that is answered here and does not read is not read from until it does. */
class AnswerPressure implements WatermarkListener {
  readonly #connection: NetworkConnection<State>;
  #isPaused = false;

  constructor(connection: NetworkConnection<State>) {
    this.#connection = connection;
    connection.write.watch(this);
  }

  answered(): void {
    if (this.#isPaused || !this.#connection.write.aboveWatermark) return;
    this.#isPaused = true;
    this.#connection.read.pause();
  }

  onAboveHighWatermark(): void {}

  onBelowLowWatermark(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#connection.read.unpause();
  }
}

interface Stats {
  readonly passed: { inc(): void };
  readonly denied: { inc(): void };
}

/** One connection: judges its commands, and knows which answers are to come. */
class Session implements CommandJudge {
  readonly commands: CommandReader;
  readonly order = new ReplyOrder();
  /** A command was denied, and there is no telling where its answer belongs. */
  isLost = false;
  readonly #rules: Rules;
  readonly #denied: Uint8Array;
  readonly #stats: Stats;
  #isTransaction = false;
  #isAborted = false;

  constructor(
    rules: Rules,
    limits: { maxArguments: number; maxArgumentBytes: number },
    denied: Uint8Array,
    stats: Stats,
  ) {
    this.#rules = rules;
    this.#denied = denied;
    this.#stats = stats;
    this.commands = new CommandReader(this, limits);
  }

  needsSubcommand(command: string): boolean {
    return this.#rules.needsSubcommand(command);
  }

  judge(command: string, subcommand: string): Judgement {
    if (!this.#rules.allows(command, subcommand)) return this.#deny();
    this.#stats.passed.inc();
    const isEnd = command === "exec" || command === "discard" || command === "reset";
    // As in Redis: a transaction that lost one of its commands does nothing at all.
    const isVoid = command === "exec" && this.#isAborted;
    if (command === "multi") this.#isTransaction = true;
    if (isEnd) this.#isTransaction = this.#isAborted = false;
    if (isVoid) {
      this.order.expectReplaced(ABORTED);
      return DISCARD;
    }
    if (UNORDERED.has(command) || (command === "client" && subcommand === "reply")) this.order.giveUp();
    else this.order.expect();
    return "pass";
  }

  #deny(): Judgement {
    this.#stats.denied.inc();
    if (this.#isTransaction) this.#isAborted = true;
    if (this.order.isGivenUp) this.isLost = true;
    else this.order.answer(this.#denied);
    return "drop";
  }
}
