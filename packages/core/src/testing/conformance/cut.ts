/** Messages cut into chunks at random, from a seed. */
import type { Random } from "@sluice/sdk";

/** Pieces that make up `bytes`: single bytes, halves, empty ones between. Nothing where there is nothing, so that a message without a body stays one. */
export function cut(bytes: Buffer, random: Random): Buffer[] {
  if (bytes.length === 0) return [];
  const style = random.below(4);
  if (style === 0) return [bytes];
  const pieces: Buffer[] = [];
  // Bodies of many bytes are cut a few hundred times at most.
  const smallest = Math.ceil(bytes.length / 300);
  for (let at = 0; at < bytes.length; ) {
    const most = style === 1 ? smallest : style === 2 ? Math.max(smallest, 7) : Math.max(smallest, bytes.length >> 1);
    const length = Math.max(smallest, 1 + random.below(most));
    pieces.push(bytes.subarray(at, at + length));
    at += length;
    if (random.below(8) === 0) pieces.push(Buffer.alloc(0));
  }
  return pieces;
}

const MOST_POINTS = 10;

/** Steps after which something ends: the first ones, and then evenly up to the last. */
export function pointsOf(steps: number): number[] {
  const points = new Set<number>();
  for (let i = 1; i <= Math.min(steps, 4); i++) points.add(i);
  for (let i = 1; i <= MOST_POINTS - 4; i++) points.add(Math.max(1, Math.round((steps * i) / (MOST_POINTS - 4))));
  return [...points].toSorted((a, b) => a - b);
}
