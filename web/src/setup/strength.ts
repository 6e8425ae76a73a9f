// How hard a password is to guess.

/** Characters that a password has at least, and at most. */
export const SHORTEST = 12;
export const LONGEST = 256;

export type Strength = "short" | "weak" | "fair" | "good" | "strong";

/** A rough measure, in bits: what a guesser who knows of repetitions, rows of keys and the own names would need. */
export function strengthOf(password: string, known: readonly string[] = []): Strength {
  if ([...password].length < SHORTEST) return "short";
  let text = password.toLowerCase();
  for (const word of known) if (word.length >= 3) text = text.replaceAll(word.toLowerCase(), "");
  let steps = 0;
  const letters = [...text];
  letters.forEach((letter, at) => {
    const before = letters[at - 1];
    const distance = before === undefined ? 9 : Math.abs((letter.codePointAt(0) ?? 0) - (before.codePointAt(0) ?? 0));
    const rowed = before !== undefined && /qwertz|qwerty|asdfgh|yxcvbn|zxcvbn/.test(text) && "qwertzuiopasdfghjklyxcvbnm".includes(before + letter);
    steps += distance <= 1 || rowed ? 0.25 : 1;
  });
  const distinct = new Set(letters).size;
  const alphabet = (/\p{Ll}/u.test(password) ? 26 : 0) + (/\p{Lu}/u.test(password) ? 26 : 0) + (/\d/.test(password) ? 10 : 0) + (/[^\p{L}\d]/u.test(password) ? 20 : 0);
  const bits = Math.min(steps, distinct * 2) * Math.log2(Math.max(10, Math.min(alphabet, 64))) * 0.6;
  return bits < 30 ? "weak" : bits < 44 ? "fair" : bits < 55 ? "good" : "strong";
}
