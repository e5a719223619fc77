/**
 * The Huffman code of RFC 7541 appendix B. It is canonical: shorter codes come first, and codes of one length count up in the order of their symbols, so that the
 * lengths alone, which stand here, determine it.
 */

export const EOS = 256;

/** Bits of the symbols 0 to 255, one base-36 digit each. */
const DIGITS =
  "dnsssssssoussussssssssusssssssss" +
  "6aacd68baa8b8666555666666678f6ca" +
  "d67777777777777777777777878djde6" +
  "f56565666577666567655677777fbeds" +
  "kmkkmmmnmnnnnnonoomnonnnnlmnmnno" +
  "mlkmmnnlnmmolmnnllmlnmnnkmmmnmmn" +
  "qqkjmnmpqqqrrqopjlqrrqrollqqsrrr" +
  "koklmllnmmppooqnqrqqrrrrrsrrrrrq";

/** Bits of each symbol's code; 30 for EOS. */
export const CODE_LENGTHS: Uint8Array = new Uint8Array(EOS + 1);
/** The codes, right-aligned. */
export const CODES: Uint32Array = new Uint32Array(EOS + 1);

for (let symbol = 0; symbol < EOS; symbol++) CODE_LENGTHS[symbol] = Number.parseInt(DIGITS.charAt(symbol), 36);
CODE_LENGTHS[EOS] = 30;

let code = 0;
for (let length = 5; length <= 30; length++) {
  for (let symbol = 0; symbol <= EOS; symbol++) {
    if (CODE_LENGTHS[symbol] === length) CODES[symbol] = code++;
  }
  code *= 2;
}
