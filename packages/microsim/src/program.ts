/**
 * The programs as plain JavaScript. Node strips types in 100 ms and 17 MB a process; done once here, a simulator starts in 40 ms of
 * CPU time. Only files that a program reaches are part of it.
 */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';

export interface ProgramFile {
  /** Relative to the program's folder: `http/head.js`. */
  readonly path: string;
  readonly content: string;
}

/** @returns every module of `server.js` or `client.js`, and the package.json that makes them ES modules */
export function programFiles(program: 'server' | 'client'): ProgramFile[] {
  const files = new Map<string, string>();
  withoutWarnings(() => collect(`${program}.ts`, files));
  return [{ path: 'package.json', content: '{"type":"module"}\n' }, ...[...files].map(([path, content]) => ({ path, content }))];
}

const relativeImport = /(\bfrom |\bimport\(|^import )'(\.\.?\/[\w./-]+)\.ts'/gm;

function collect(source: string, files: Map<string, string>) {
  const path = source.replace(/\.ts$/, '.js');
  if (files.has(path)) return;
  const stripped = stripTypeScriptTypes(readFileSync(new URL(source, import.meta.url), 'utf8'));
  const next: string[] = [];
  files.set(
    path,
    stripped.replace(relativeImport, (_, lead: string, target: string) => {
      next.push(new URL(`${target}.ts`, `file:///${source}`).pathname.slice(1));
      return `${lead}'${target}.js'`;
    }),
  );
  for (const file of next) collect(file, files);
}

/** Node calls its stripping experimental on standard error; the release is pinned and the output tested. */
function withoutWarnings(run: () => void) {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    run();
  } finally {
    process.emitWarning = emitWarning;
  }
}
