import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { allowed, checkDependencyDirection } from './dependency-direction.ts';

test('what is a violation', () => {
  const rows: [file: string, text: string, violation: RegExp | undefined][] = [
    ['cli/src/a.ts', "import { up } from '@palisade/cluster';", undefined],
    ['mesh/src/a.ts', "import { up } from '@palisade/cluster';", /"mesh" must not import "@palisade\/cluster"/],
    ['mesh/src/a.ts', "const x = await import('@palisade/cluster/network');", /must not import/],
    ['mesh/src/a.ts', "export {\n  up,\n} from '@palisade/cluster';", /must not import/],
    ['mesh/src/a.ts', "import { b } from '../../xds/src/b.ts';", /leaves the package/],
    ['mesh/src/a.ts', "import { b } from './b.ts';", undefined],
    ['mesh/src/a.ts', "import { readFileSync } from 'node:fs';", /in a pure package/],
    ['mesh/src/a.test.ts', "import { readFileSync } from 'node:fs';", undefined],
    ['mesh/src/a.ts', "import { isIPv4, isIPv6 } from 'node:net';", undefined],
    ['mesh/src/a.ts', "import { connect, isIPv4 } from 'node:net';", /in a pure package/],
    ['waf/src/adapters/a.ts', "import { connect } from 'node:net';", undefined],
    ['waf/src/engine/a.ts', "import { connect } from 'node:net';", /in a pure package/],
  ];
  for (const [file, text, violation] of rows) {
    const root = mkdtempSync(join(tmpdir(), 'palisade-direction-'));
    try {
      const path = join(root, 'packages', file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      const { violations } = checkDependencyDirection(root);
      if (violation === undefined) assert.deepEqual(violations, [], text);
      else assert.match(violations.join(), violation, text);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }
});

test('docs/architecture.md shows the same arrows', () => {
  const text = readFileSync(new URL('../docs/architecture.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `packages\/([\w-]+)` \|.*\| ([^|]+) \|$/gm)];
  const shown = rows.map(([, room, speaks]) => [room, speaks === 'nothing of ours' ? [] : speaks!.split(', ').sort()]);
  const held = Object.entries(allowed).map(([room, targets]) => [room, [...targets].sort()]);
  assert.deepEqual(Object.fromEntries(shown), Object.fromEntries(held));
});
