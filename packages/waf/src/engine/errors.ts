/** Where in the rule files something stands. */
export interface Position {
  readonly file: string;
  readonly line: number;
}

/** Closed list of reasons a rule set is refused. */
export type WafConfigCode =
  | 'syntax'
  | 'unknown-directive'
  | 'unknown-variable'
  | 'unknown-operator'
  | 'unknown-action'
  | 'unknown-transformation'
  | 'bad-argument'
  | 'bad-pattern'
  | 'duplicate-id'
  | 'unsupported'
  | 'missing-file';

/** A rule set that cannot be loaded. Nothing of it is in force: a skipped rule would be a disarmed rule. */
export class WafConfigError extends Error {
  readonly code: WafConfigCode;
  readonly position: Position;

  constructor(code: WafConfigCode, position: Position, message: string, options?: ErrorOptions) {
    super(`${position.file}:${position.line}: ${message}`, options);
    this.name = 'WafConfigError';
    this.code = code;
    this.position = position;
  }
}
