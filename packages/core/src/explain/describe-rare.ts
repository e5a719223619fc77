/** Conditions that few routes have, in words. */
import type {
  CookieMatchModel,
  FilterStateMatchModel,
  MetadataMatchModel,
  RareConditionsModel,
  RuntimeFractionModel,
  TlsMatchModel,
  ValueMatchModel,
} from "../config/model.ts";
import { matcherText } from "./words.ts";

export function rareTexts(rare: RareConditionsModel): string[] {
  return [
    ...(rare.runtimeFraction === null ? [] : [fractionText(rare.runtimeFraction)]),
    ...rare.cookies.map(cookieText),
    ...(rare.tls === null ? [] : [tlsText(rare.tls)]),
    ...rare.metadata.map(metadataText),
    ...rare.filterState.map(filterStateText),
  ];
}

export function fractionText({ key, numerator, denominator }: RuntimeFractionModel): string {
  const runtime = key === "" ? "" : ` (runtime key ${key})`;
  return `${Math.min(100, (numerator / denominator) * 100)} % of the requests${runtime}`;
}

export function cookieText({ name, matcher, invert }: CookieMatchModel): string {
  return `cookie ${name} ${invert ? "not " : ""}${matcherText(matcher)}`;
}

export function tlsText({ presented, validated }: TlsMatchModel): string {
  const texts: string[] = [];
  if (presented !== null) texts.push(`${presented ? "a" : "no"} client certificate`);
  if (validated !== null) texts.push(`a client certificate that is ${validated ? "" : "not "}validated`);
  return texts.length === 0 ? "any connection" : texts.join(" and ");
}

export function metadataText({ filter, path, value, invert }: MetadataMatchModel): string {
  return `metadata ${filter}:${path.join(":")} ${invert ? "not " : ""}${valueText(value)}`;
}

export function filterStateText({ key, match }: FilterStateMatchModel): string {
  const text = match.kind === "string" ? matcherText(match.matcher) : `an address in ${match.ranges.join(", ")}`;
  return `filter state ${key} ${text}`;
}

function valueText(value: ValueMatchModel): string {
  switch (value.kind) {
    case "null":
      return "null";
    case "bool":
    case "number":
      return String(value.value);
    case "present":
      return value.present ? "present" : "never";
    case "range":
      return `from ${value.start} to below ${value.end}`;
    case "string":
      return matcherText(value.matcher);
    case "one_of":
      return `a list with ${valueText(value.value)}`;
    case "or":
      return value.values.map(valueText).join(" or ");
  }
}
