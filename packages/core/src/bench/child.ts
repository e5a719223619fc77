/** The measuring process: gets one request over its channel and answers. Filters are measured here and nowhere else. */
import { measure } from "./measure.ts";
import { startOrigin } from "./origin.ts";
import { type BenchAnswer, BenchError, type BenchRequest } from "./types.ts";
import { inspectModules } from "./variants.ts";

process.once("message", (request: BenchRequest) => {
  void answerTo(request).then((answer) => {
    // A filter's timers do not keep the process; an origin stays until whoever asked for it goes.
    process.send?.(answer, () => {
      if (answer.answer !== "origin") process.disconnect();
    });
  });
});

process.once("disconnect", () => {
  // oxlint-disable-next-line unicorn/no-process-exit -- timers and sockets of filters are nobody's any more
  process.exit();
});

async function answerTo(request: BenchRequest): Promise<BenchAnswer> {
  try {
    switch (request.ask) {
      case "measure":
        return { answer: "sample", sample: await measure(request.job) };
      case "inspect":
        return { answer: "definitions", definitions: await inspectModules(request.modules) };
      case "origin":
        return { answer: "origin", port: await startOrigin(request.traffic) };
    }
  } catch (error) {
    if (error instanceof BenchError) return { answer: "refused", message: error.message };
    return { answer: "refused", message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
