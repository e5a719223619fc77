/** Errors that nobody caught while a check ran: of timers, promises and callbacks of the filter. They are the check's, and do not end the test runner. */
import { nextTurn } from "../kit-services.ts";

const EVENTS = ["unhandledRejection", "uncaughtException"] as const;

export async function uncaughtDuring(run: () => Promise<void>): Promise<unknown[]> {
  const errors: unknown[] = [];
  const note = (error: unknown): void => void errors.push(error);
  const before = EVENTS.map((event) => [event, process.rawListeners(event)] as const);
  for (const event of EVENTS) {
    process.removeAllListeners(event);
    process.on(event, note);
  }
  try {
    await run();
    // A rejection is told at the end of the turn in which nobody took it.
    await nextTurn();
    await nextTurn();
  } finally {
    for (const [event, listeners] of before) {
      process.off(event, note);
      for (const listener of listeners) process.on(event, listener as () => void);
    }
  }
  return errors;
}

export function told(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
