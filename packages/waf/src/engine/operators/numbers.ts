import type { OperatorFactory } from './types.ts';

/** C's atoi: leading blanks, a sign, digits; anything else is 0. */
export function atoi(text: string): number {
  const match = /^[\t-\r ]*([+-]?\d{1,15})/.exec(text);
  return match ? Number(match[1]) : 0;
}

const compare =
  (holds: (value: number, wanted: number) => boolean): OperatorFactory =>
  (argument) => {
    const wanted = atoi(argument);
    return (value) => holds(atoi(value), wanted);
  };

export const eq = compare((value, wanted) => value === wanted);
export const ge = compare((value, wanted) => value >= wanted);
export const gt = compare((value, wanted) => value > wanted);
export const le = compare((value, wanted) => value <= wanted);
export const lt = compare((value, wanted) => value < wanted);
