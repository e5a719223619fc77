// The whole corpus: the same cases in the same order, every time.
import { chunks } from "./chunks.ts";
import { fields } from "./fields.ts";
import { framing } from "./framing.ts";
import { Corpus, type Http1Case } from "./http1.ts";
import { lines } from "./lines.ts";

export function http1Requests(): Http1Case[] {
  const corpus = new Corpus();
  for (const add of [framing, chunks, lines, fields]) add(corpus);
  return corpus.cases;
}
