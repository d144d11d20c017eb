import { AhoCorasick } from '../match/aho-corasick.ts';
import { parsePhraseFile, parsePhrases } from '../match/phrases.ts';
import type { PatternOptions } from '../regex/parse.ts';
import { CompiledRegex } from '../regex/regex.ts';
import type { Profile } from '../seclang/ast.ts';
import type { OperatorEnvironment, OperatorFactory, OperatorTest } from './types.ts';

/** TX:0 to TX:9. */
const MAX_CAPTURES = 10;

/** How each engine compiles its patterns. */
export function patternOptions(profile: Profile): PatternOptions {
  return { isDotAll: true, isMultiline: profile !== 'modsecurity2', isRe2Space: profile === 'coraza' };
}

function compilePattern(argument: string, { profile, regexStepBudget, patterns }: OperatorEnvironment): CompiledRegex {
  return new CompiledRegex(argument, patternOptions(profile), regexStepBudget, patterns?.get(argument));
}

export const rx: OperatorFactory = (argument, environment) => {
  const regex = compilePattern(argument, environment);
  return (value, context) => {
    if (!context.wantsCaptures) {
      const result = regex.test(value);
      return result === 'limit' ? 'limit' : result === 'match';
    }
    const match = regex.exec(value);
    if (match === 'limit') return 'limit';
    return match ? { captures: match.captures.slice(0, MAX_CAPTURES) } : false;
  };
};

/** As rx, going on after each match; captures number through all matches. */
export const rxGlobal: OperatorFactory = (argument, environment) => {
  const regex = compilePattern(argument, environment);
  return (value) => {
    const captures: (string | undefined)[] = [];
    for (let from = 0; from <= value.length && captures.length < MAX_CAPTURES; ) {
      const match = regex.exec(value, from);
      if (match === 'limit') return 'limit';
      if (!match) break;
      // Empty matches between others tell nothing; a first one is the match.
      if (match.end > match.start || captures.length === 0) captures.push(...match.captures);
      from = match.end > match.start ? match.end : match.end + 1;
    }
    return captures.length > 0 ? { captures: captures.slice(0, MAX_CAPTURES) } : false;
  };
};

function searchPhrases(phrases: readonly string[]): OperatorTest {
  const automaton = new AhoCorasick(phrases);
  const test: OperatorTest = (value) => {
    const hit = automaton.find(value);
    return hit ? { captures: [value.slice(hit.end - hit.phrase.length, hit.end)] } : false;
  };
  return Object.assign(test, { phrases });
}

export const pm: OperatorFactory = (argument) => {
  const phrases = parsePhrases(argument);
  if (phrases.length === 0) throw new Error('found no phrase, wanted at least one');
  return searchPhrases(phrases);
};

/** The argument names files. */
export const pmFromFile: OperatorFactory = (argument, environment) => {
  const files = argument.split(/\s+/).filter((name) => name !== '');
  return searchPhrases(files.flatMap((name) => parsePhraseFile(environment.readDataFile(name))));
};

export const strmatch: OperatorFactory = (argument) => (value) => value.includes(argument);
