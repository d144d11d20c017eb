import type { MacroReference } from '../compile/macro.ts';

/** Where macros look things up. */
export interface MacroScope {
  /** First value of a variable or member; empty when there is none. */
  lookup(reference: MacroReference): string;
}
