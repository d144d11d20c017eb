import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createApiServer, SYSTEM_USER } from './api-server.ts';
import { CORE, configMap } from './testing/harness.ts';

const worker = (name: string) => fileURLToPath(new URL(`./testing/${name}.worker.ts`, import.meta.url));

test('kill -9 in the middle of writing: what was acknowledged is there, and nothing that was deleted', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'palisade-durability-'));
  try {
    const acknowledged = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, [worker('writer'), join(directory, 'state'), String(round)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
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

test('a watch resumes over a restart: what came before it and was not yet read is told', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'palisade-durability-'));
  const start = () => createApiServer({ stateDir, clock: () => new Date() });
  try {
    const first = await start();
    const before = first.localClient(SYSTEM_USER);
    const seen = await before.create(CORE('configmaps'), configMap('seen'));
    await before.update(CORE('configmaps'), configMap('seen', { changed: 'yes' }));
    await before.create(CORE('configmaps'), configMap('gone'));
    await before.delete(CORE('configmaps'), { namespace: 'default', name: 'gone' });
    // Not closed: this is what a killed process leaves.
    const second = await start();
    try {
      const after = second.localClient(SYSTEM_USER);
      const resourceVersion = seen.metadata.resourceVersion!;
      const changes: string[] = [];
      await after.create(CORE('configmaps'), configMap('later'));
      for await (const event of after.watch(CORE('configmaps'), { namespace: 'default', resourceVersion })) {
        assert.notEqual(event.type, 'ERROR', JSON.stringify(event.object));
        changes.push(`${event.type} ${'metadata' in event.object ? event.object.metadata?.['name'] : ''}`);
        if (changes.at(-1) === 'ADDED later') break;
      }
      assert.deepEqual(changes, ['MODIFIED seen', 'ADDED gone', 'DELETED gone', 'ADDED later']);
    } finally {
      await second.close();
      await first.close();
    }
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
});

test('disk full: writes are refused, reads go on, and with space again writes do too', {
  skip: process.getuid?.() === 0 ? false : 'mounts a small file system: sudo npm test',
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-full-'));
  try {
    // The mount is in a namespace of its own and ends with the process.
    const script = `mount -t tmpfs -o size=6m none "$1" && exec "$2" --disable-warning=ExperimentalWarning "$3" "$1"`;
    const command = ['-m', 'sh', '-c', script, 'sh', folder, process.execPath, worker('full-disk')];
    const result = JSON.parse(execFileSync('unshare', command, { encoding: 'utf8', timeout: 60_000 }));
    assert.equal(result.reason, 'InternalError', result.refusal);
    assert.match(result.refusal, /disk is full/);
    assert.ok(result.acknowledged.length > 1);
    const others = (names: string[]) => names.filter((name) => name.startsWith('full-'));
    assert.deepEqual(others(result.whileFull), result.acknowledged);
    assert.deepEqual(others(result.afterwards), result.acknowledged);
    assert.ok(result.afterwards.includes('after'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
