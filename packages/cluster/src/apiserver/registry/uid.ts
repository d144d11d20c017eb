/** Source of randomness of the write path; tests pass a counter. */
export interface Random {
  uuid(): string;
  /** Integer in [0, limit). */
  integer(limit: number): number;
}

/** Letters and digits that spell no words (as apimachinery's `rand.String`). */
const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

export function safeSuffix(random: Random, length = 5): string {
  let text = '';
  for (let i = 0; i < length; i++) text += SAFE[random.integer(SAFE.length)];
  return text;
}

/** Name from `generateName`: the prefix is cut so that the whole has at most 63 characters. */
export function generatedName(random: Random, prefix: string): string {
  return prefix.slice(0, 63 - 5) + safeSuffix(random);
}
