import { type OperatorFactory, Unavailable } from './types.ts';

/** Asks a program about a file by its path; what it prints begins with 1 when it approves (ModSecurity 2.9, "@inspectFile"). */
export const inspectFile: OperatorFactory = (argument, { inspectFile: run }) => {
  if (!run) throw new Unavailable('no program or script is run by this engine (option inspectFile)');
  return (value) => !run(argument.trim(), value).startsWith('1');
};
