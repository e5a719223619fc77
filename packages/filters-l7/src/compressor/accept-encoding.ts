/** Which coding a client wants (RFC 9110 section 12.5.3), among those that the compressors of a chain offer. */
import { codingOf } from "../shared/compression/header-words.ts";

export interface AcceptedCoding {
  /** `*`: whatever is not named. */
  readonly coding: string;
  /** 0: not acceptable. */
  readonly quality: number;
}

/** Values that were parsed before: clients send few different ones. Full, it keeps what it has, so that nobody can make it grow. */
const MAX_KNOWN = 64;
const MAX_KNOWN_LENGTH = 128;
const known = new Map<string, readonly AcceptedCoding[]>();

export function parseAcceptEncoding(value: string): readonly AcceptedCoding[] {
  const found = known.get(value);
  if (found !== undefined) return found;
  const parsed: AcceptedCoding[] = [];
  for (const each of value.split(",")) {
    const accepted = parseOne(each);
    if (accepted !== null) parsed.push(accepted);
  }
  if (known.size < MAX_KNOWN && value.length <= MAX_KNOWN_LENGTH) known.set(value, parsed);
  return parsed;
}

/** The weight of RFC 9110 section 12.4.2. */
const WEIGHT = /^\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*$/i;

/** null: nothing that one could go by. */
function parseOne(text: string): AcceptedCoding | null {
  const semicolon = text.indexOf(";");
  const coding = codingOf(semicolon === -1 ? text : text.slice(0, semicolon));
  if (coding === "") return null;
  if (semicolon === -1) return { coding, quality: 1 };
  const weight = WEIGHT.exec(text.slice(semicolon + 1));
  return weight === null ? null : { coding, quality: Number(weight[1]) };
}

/** What a compressor offers; the same coding twice counts once. */
export interface Offer {
  readonly coding: string;
  /** Wins where the client wants several equally. */
  readonly isPreferred: boolean;
}

export type ChoiceKind = "coding" | "identity" | "wildcard" | "none";

export interface Choice {
  /** `identity`: the content stays as it is. */
  readonly coding: string;
  /** What in the header led to it. */
  readonly kind: ChoiceKind;
}

const NONE: Choice = { coding: "identity", kind: "none" };
const IDENTITY: Choice = { coding: "identity", kind: "identity" };

/**
 * The highest weight wins; of equal ones the preferred offer, then the one that the header names first. `*` stands for the first offer that is not named.
 */
export function chooseCoding(accepted: readonly AcceptedCoding[], offers: readonly Offer[]): Choice {
  let choice = NONE;
  let best = 0;
  let isPreferred = false;
  // Once: a header of nothing but stars must not cost its square.
  let rest: Offer | null | undefined;
  for (const { coding, quality } of accepted) {
    if (quality === 0 || quality < best) continue;
    if (coding === "*" && rest === undefined) rest = unnamed(accepted, offers);
    const offer = (coding === "*" ? rest : offers.find((each) => each.coding === coding)) ?? undefined;
    if (offer === undefined && coding !== "identity") continue;
    const prefers = offer?.isPreferred === true;
    if (quality === best && (isPreferred || !prefers)) continue;
    best = quality;
    isPreferred = prefers;
    if (offer === undefined) choice = IDENTITY;
    else choice = { coding: offer.coding, kind: coding === "*" ? "wildcard" : "coding" };
  }
  return choice;
}

/** null: all are named. */
function unnamed(accepted: readonly AcceptedCoding[], offers: readonly Offer[]): Offer | null {
  return offers.find(({ coding }) => accepted.every((each) => each.coding !== coding)) ?? null;
}
