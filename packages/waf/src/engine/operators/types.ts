import type { Macro } from '../compile/macro.ts';
import type { PatternTable } from '../regex/pattern-table.ts';
import type { GeoLookup, InspectFile } from '../resources.ts';
import type { Profile } from '../seclang/ast.ts';

/**
 * Outcome of one comparison. `captures[0]` is what matched; a bare `true` matched without text. `limit`: the step
 * budget of a pattern was used up, so nothing is known.
 */
export type OperatorResult = boolean | 'limit' | { readonly captures: readonly (string | undefined)[] };

/** Compare one value. Results may differ between values only; the argument was compiled. */
export interface OperatorTest {
  (value: string, context: OperatorContext): OperatorResult;
  /** All that it looks for, of which any one will do. */
  readonly phrases?: readonly string[];
}

/** What an operator may need of the running transaction. */
export interface OperatorContext {
  /** Captures are wanted: operators may answer with a bare `true` when not. */
  readonly wantsCaptures: boolean;
  setGeo(fields: Readonly<Record<string, string>>): void;
  expand(macro: Macro): string;
  /** Put this in place of the body that the rule looks at. */
  rewrite(body: string): void;
}

/** What compiling an operator may need. */
export interface OperatorEnvironment {
  readonly profile: Profile;
  /** Text of a data file named in a rule, found beside the rule file. @throws when it cannot be read */
  readDataFile(name: string): string;
  readonly geo?: GeoLookup;
  readonly inspectFile?: InspectFile;
  readonly regexStepBudget: number;
  /** While a rule set is loaded; patterns that a request fills in are not to be kept. */
  readonly patterns?: PatternTable;
}

/** Operators that do something besides comparing. */
export const actingOperators: ReadonlySet<string> = new Set(['geolookup', 'rsub']);

/** A documented operator that this engine was made without. */
export class Unavailable extends Error {}

/** Builds the test for one (expanded) argument. @throws Error when the argument is no good */
export type OperatorFactory = (argument: string, environment: OperatorEnvironment) => OperatorTest;
