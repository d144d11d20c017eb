/**
 * Which package may import which (docs/architecture.md). A package names what it may use; everything else is a violation,
 * as is a relative path that leaves its own package, and I/O modules inside the pure packages.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

export const allowed: Readonly<Record<string, readonly string[]>> = {
  kubernetes: [],
  flow: [],
  waf: [],
  netpol: ['kubernetes', 'flow'],
  identity: [],
  xds: [],
  mesh: ['kubernetes', 'xds', 'identity'],
  proxy: ['xds', 'identity'],
  agent: ['xds', 'identity', 'flow'],
  observe: ['flow'],
  'control-plane': ['kubernetes', 'mesh', 'xds', 'identity', 'agent'],
  microsim: [],
  cluster: ['kubernetes', 'flow', 'netpol', 'observe', 'microsim', 'waf', 'control-plane'],
  cli: ['kubernetes', 'flow', 'netpol', 'mesh', 'xds', 'agent', 'cluster', 'control-plane'],
};

/** Packages (or folders of them) that compute only: no clock, socket, file or process. */
const pure = ['packages/netpol/src', 'packages/mesh/src', 'packages/flow/src', 'packages/waf/src/engine'];
const impure = /^node:(fs|net|tls|http|https|http2|dgram|dns|child_process|worker_threads|process|os|timers)(\/|$)/;

/** Address syntax is computation, whatever module it lives in. */
const harmless = /^import \{ (?:isIP(?:v[46])?(?:, )?)+ \} from 'node:net';$/gm;

export interface DirectionReport {
  modules: number;
  imports: number;
  violations: string[];
}

export function checkDependencyDirection(root: string): DirectionReport {
  const report: DirectionReport = { modules: 0, imports: 0, violations: [] };
  for (const room of readdirSync(join(root, 'packages'))) {
    for (const file of sources(join(root, 'packages', room, 'src'))) {
      report.modules++;
      for (const specifier of importsOf(readFileSync(file, 'utf8').replaceAll(harmless, ''))) check(root, room, file, specifier, report);
    }
  }
  return report;
}

function check(root: string, room: string, file: string, specifier: string, report: DirectionReport) {
  const where = relative(root, file);
  const target = /^@palisade\/([\w-]+)/.exec(specifier)?.[1];
  if (target !== undefined && target !== room) {
    report.imports++;
    if (!(allowed[room] ?? []).includes(target))
      report.violations.push(`${where}: package "${room}" must not import "@palisade/${target}"`);
  }
  if (specifier.startsWith('.') && !resolve(dirname(file), specifier).startsWith(join(root, 'packages', room))) {
    report.violations.push(`${where}: "${specifier}" leaves the package; import it by name`);
  }
  const isTest = /\.test\.ts$|\.worker\.ts$|testing|testdata/.test(where);
  if (!isTest && impure.test(specifier) && pure.some((folder) => where.startsWith(folder))) {
    report.violations.push(`${where}: "${specifier}" in a pure package; pass the function it needs as an argument`);
  }
}

function* sources(folder: string): Generator<string> {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== 'node_modules' && entry.name !== 'generated') yield* sources(path);
    } else if (/\.(ts|mjs)$/.test(entry.name)) yield path;
  }
}

function importsOf(text: string): string[] {
  return [
    ...text.matchAll(
      /^\s*(?:import\s*|(?:import|export)\b[^'"\n;]*?\bfrom\s*)['"]([^'"]+)['"]|^\}\s*from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm,
    ),
  ].map((match) => (match[1] ?? match[2] ?? match[3])!);
}
