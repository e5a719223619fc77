/** Start time: from the spawn to the first answered request, for Sluice and for a bare Node HTTP server. */
import { type CaseResult, type Context, messageOf, type StartRow } from "../lib/context.ts";
import { startGetOrigin } from "../lib/origins.ts";
import { spread } from "../lib/statistics.ts";
import { bareHttp } from "../peers/bare.ts";
import { sluice } from "../peers/sluice.ts";

export const START_CASE = "start";

const STARTS = 7;
const POLL_MS = 1;

export async function runStartCase(context: Context): Promise<CaseResult> {
  const result: CaseResult = {
    id: START_CASE,
    title: "Start to the first answered request, on one core",
    rows: [],
    absent: [],
  };
  const isAsked = context.only.length === 0 || context.only.includes(sluice.id);
  const reason = isAsked ? sluice.missing() : "not asked for";
  if (reason !== "") result.absent.push({ peer: sluice.id, reason, isFailure: false });
  const starters = (reason === "" ? [bareHttp, sluice] : [bareHttp]).map((peer) => ({ peer, times: [] as number[] }));
  const origin = await startGetOrigin(context.directory);
  try {
    for (let round = 0; round < (context.isSmoke ? 1 : STARTS); round++) {
      for (const { peer, times } of starters) {
        const running = await peer.start({ originPort: origin.port, directory: context.directory, pollMs: POLL_MS });
        times.push(running.startMs);
        await running.program.stop();
      }
    }
  } catch (error) {
    context.say(`  ${messageOf(error)}`);
    result.absent.push({ peer: sluice.id, reason: messageOf(error), isFailure: true });
  } finally {
    await origin.program.stop();
  }
  for (const { peer, times } of starters) {
    if (times.length === 0) continue;
    const row: StartRow = { kind: "start", peer: peer.id, title: peer.title, firstAnswerMs: spread(times) };
    result.rows.push(row);
  }
  return result;
}
