import { loadEngine } from '../adapters/files.ts';
import { WafConfigError } from '../engine/errors.ts';

export interface LintReport {
  readonly isRefused: boolean;
  readonly text: string;
}

/** Load rule files as the engine would and say what came of it: refused with file, line and reason, or what to know. */
export function lintFiles(files: readonly string[]): LintReport {
  try {
    const { ruleSet } = loadEngine({ files });
    const heads = Object.values(ruleSet.phases).flatMap((items) => items.filter((item) => item.kind === 'rule')).length;
    const notes = ruleSet.notes.map((note) => `note: ${note}\n`).join('');
    return {
      isRefused: false,
      text: `${notes}${heads} rules (${ruleSet.rules.length} with chained ones), ${ruleSet.notes.length} notes: fine\n`,
    };
  } catch (error) {
    if (!(error instanceof WafConfigError)) throw error;
    return { isRefused: true, text: `${error.message} [${error.code}]\n` };
  }
}
