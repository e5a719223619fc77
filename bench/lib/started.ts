/** Starts the peers of a case side by side, checks that each answers rightly, and stops all of them at the end. */
import type { Peer, RunningPeer } from "../peers/peer.ts";
import { type Absent, type Context, messageOf } from "./context.ts";

export interface Started {
  peer: Peer;
  running: RunningPeer;
}

/**
 * Runs `measure` with those peers that start and pass `check`; `check` throws when an answer is wrong. The others are added to
 * `absent` as failures.
 */
export async function withPeers(
  context: Context,
  peers: readonly Peer[],
  originPort: number,
  absent: Absent[],
  check: (running: RunningPeer) => Promise<void>,
  measure: (started: readonly Started[]) => Promise<void>,
): Promise<void> {
  const started: Started[] = [];
  try {
    for (const peer of peers) {
      try {
        const running = await peer.start({ originPort, directory: context.directory });
        started.push({ peer, running });
        await check(running);
      } catch (error) {
        const last = started.at(-1);
        if (last?.peer === peer) {
          started.pop();
          await last.running.program.stop();
        }
        context.say(`  ${peer.id}: ${messageOf(error)}`);
        absent.push({ peer: peer.id, reason: messageOf(error), isFailure: true });
      }
    }
    await measure(started);
  } finally {
    await Promise.all(started.map(({ running }) => running.program.stop()));
  }
}

/** The order of a round: reversed every second time, so that what drifts does not favour one end of the list. */
export function orderOf<T>(items: readonly T[], round: number): T[] {
  return round % 2 === 0 ? [...items] : items.toReversed();
}
