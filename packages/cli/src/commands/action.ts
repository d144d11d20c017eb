/** Failures end with 2, so that scripts can tell them from the answer "no" (1). */
export const FAILED = 2;

type Work = (...args: never[]) => Promise<number>;

/**
 * An action that loads its module when it runs, so that `--help` and `flows` start fast. Commander hands over arguments, options,
 * command; the command is left out.
 */
export function run(load: () => Promise<Work>) {
  return async (...args: unknown[]): Promise<void> => {
    try {
      process.exitCode = await ((await load()) as (...given: unknown[]) => Promise<number>)(...args.slice(0, -1));
    } catch (error) {
      console.error(`palisade: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = FAILED;
    }
  };
}

/** Options that several commands have. */
export const kubeconfig = ['--kubeconfig <file>', 'which cluster (default: KUBECONFIG, then the cluster of this machine)'] as const;
export const files = ['-f, --filename <path...>', 'manifests, files or folders, instead of a cluster'] as const;

/** @param lines what follows `palisade` */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  palisade ${line}`).join('\n')}`;
}
