import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ManifestFile } from '@palisade/netpol';

const MANIFEST = /\.(ya?ml|json)$/;

function pathsBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .filter((entry) => entry.isDirectory() || MANIFEST.test(entry.name))
    .flatMap((entry) => pathsBelow(join(path, entry.name)));
}

/** Manifest files by path: a file as given, of a folder every .yaml, .yml and .json below it. */
export function readFiles(paths: readonly string[]): ManifestFile[] {
  const files = paths.flatMap((path) => {
    try {
      return pathsBelow(path);
    } catch (error) {
      throw new Error(`Cannot read manifests from "${path}": ${(error as Error).message}`);
    }
  });
  if (files.length === 0) throw new Error(`Cannot read manifests from "${paths.join('", "')}": no .yaml, .yml or .json file there`);
  return files.map((name) => ({ name, text: readFileSync(name, 'utf8') }));
}
