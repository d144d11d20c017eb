import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createApiServer, SYSTEM_USER } from './api-server.ts';
import { CORE } from './testing/harness.ts';

const WRITER = fileURLToPath(new URL('./testing/writer.worker.ts', import.meta.url));

test('kill -9 in the middle of writing: what was acknowledged is there, and nothing that was deleted', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'palisade-durability-'));
  try {
    const acknowledged = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, [WRITER, join(directory, 'state'), String(round)], { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      for await (const chunk of child.stdout) {
        text += chunk;
        // Each round is cut at another number of writes.
        if (text.split('\n').length > 150 + 37 * round) child.kill('SIGKILL');
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      assert.equal(child.signalCode, 'SIGKILL');
      for (const name of text.split('\n').slice(0, -1)) acknowledged.add(name);
    }
    assert.ok(acknowledged.size > 400);
    const server = await createApiServer({ stateDir: join(directory, 'state'), clock: () => new Date() });
    try {
      const { items, metadata } = await server.localClient(SYSTEM_USER).list(CORE('configmaps'));
      const present = new Set(items.map((item) => item.metadata.name));
      for (const name of acknowledged) assert.equal(present.has(name), !name.endsWith('-3'), name);
      const versions = items.map((item) => Number(item.metadata.resourceVersion));
      assert.equal(new Set(versions).size, versions.length);
      assert.ok(versions.every((version) => version <= Number(metadata.resourceVersion)));
    } finally {
      await server.close();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
