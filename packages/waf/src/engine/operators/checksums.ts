import { CompiledRegex } from '../regex/regex.ts';
import { patternOptions } from './patterns.ts';
import type { OperatorFactory } from './types.ts';

/** A pattern finds candidates, a checksum decides; the first candidate that passes is what matched. */
const verify =
  (isValid: (text: string) => boolean): OperatorFactory =>
  (argument, environment) => {
    const regex = new CompiledRegex(argument, patternOptions(environment.profile), environment.regexStepBudget);
    return (value) => {
      for (let from = 0; from <= value.length; ) {
        const match = regex.exec(value, from);
        if (match === 'limit') return 'limit';
        if (!match) return false;
        if (match.end > match.start && isValid(match.captures[0]!)) return { captures: [match.captures[0]] };
        // ModSecurity goes on one byte after the start, so overlapping candidates are seen.
        from = match.start + 1;
      }
      return false;
    };
  };

const digitsOf = (text: string): number[] => Array.from(text.replace(/\D/g, ''), Number);

/** Luhn's sum (ISO/IEC 7812-1 annex B) over the digits. */
export const verifyCC = verify((text) => {
  const digits = digitsOf(text);
  const sum = digits.toReversed().reduce((total, digit, index) => {
    if (index % 2 === 0) return total + digit;
    return total + (digit * 2 > 9 ? digit * 2 - 9 : digit * 2);
  }, 0);
  return digits.length > 0 && sum % 10 === 0;
});

/** United States social security numbers: no zero part, area below 740 and not 666, neither one digit repeated nor a counting row. */
export const verifySSN = verify((text) => {
  const digits = digitsOf(text);
  if (digits.length !== 9) return false;
  const number = (from: number, to: number) => Number(digits.slice(from, to).join(''));
  const area = number(0, 3);
  if (area === 0 || number(3, 5) === 0 || number(5, 9) === 0 || area >= 740 || area === 666) return false;
  const isRepeated = digits.every((digit) => digit === digits[0]);
  const isSequence = digits.every((digit, index) => index === 0 || digit === digits[index - 1]! + 1);
  return !isRepeated && !isSequence;
});

/** Brazilian CPF: two check digits, each 11 less the weighted sum modulo 11. */
export const verifyCPF = verify((text) => {
  const digits = digitsOf(text);
  if (digits.length !== 11 || digits.every((digit) => digit === digits[0])) return false;
  const check = (count: number) => {
    const sum = digits.slice(0, count).reduce((total, digit, index) => total + digit * (count + 1 - index), 0);
    return sum % 11 < 2 ? 0 : 11 - (sum % 11);
  };
  return check(9) === digits[9] && check(10) === digits[10];
});

const svnrWeights = [3, 7, 9, 0, 5, 8, 4, 2, 1, 6];

/** Austrian social insurance numbers: the fourth of ten digits is the weighted sum modulo 11. */
export const verifySVNR = verify((text) => {
  const digits = digitsOf(text);
  if (digits.length !== 10 || digits.every((digit) => digit === digits[0])) return false;
  const sum = digits.reduce((total, digit, index) => total + digit * svnrWeights[index]!, 0) % 11;
  return sum !== 10 && sum === digits[3];
});
