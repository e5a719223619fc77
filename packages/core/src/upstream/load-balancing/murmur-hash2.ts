/** MurmurHash2 of a text, 64 bits, as libstdc++'s std::hash has it: hashes of a ring that is to agree with others of that kind. Of keys of hosts only: not for requests. */

const MASK = 0xffff_ffff_ffff_ffffn;
const MULTIPLIER = 0xc6a4_a793_5bd1_e995n;
const SEED = 0xc70f_6907n;

export function murmurHash2(text: string): bigint {
  const bytes = Buffer.from(text);
  const tail = bytes.length & ~7;
  let hash = SEED ^ ((BigInt(bytes.length) * MULTIPLIER) & MASK);
  for (let at = 0; at < tail; at += 8) {
    const word = mixed((bytes.readBigUInt64LE(at) * MULTIPLIER) & MASK);
    hash = ((hash ^ ((word * MULTIPLIER) & MASK)) * MULTIPLIER) & MASK;
  }
  if (tail < bytes.length) {
    let word = 0n;
    for (let at = bytes.length - 1; at >= tail; at--) word = (word << 8n) | BigInt(bytes[at]!);
    hash = ((hash ^ word) * MULTIPLIER) & MASK;
  }
  return mixed((mixed(hash) * MULTIPLIER) & MASK);
}

function mixed(word: bigint): bigint {
  return word ^ (word >> 47n);
}
