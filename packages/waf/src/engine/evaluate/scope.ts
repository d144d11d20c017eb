/** Where macros look things up. */
export interface MacroScope {
  /** First value of a variable or member; empty when there is none. Names in upper case, keys as written. */
  lookup(collection: string, key: string): string;
}
