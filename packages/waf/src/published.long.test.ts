/** The package as its users get it: built, packed, installed in an empty project, under several versions of Node. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

const home = new URL('..', import.meta.url).pathname;
const rules = join(process.env.PALISADE_CACHE ?? join(homedir(), '.cache/palisade'), 'tools/root/usr/share/modsecurity-crs');
const skip = existsSync(join(rules, 'rules')) ? false : `no Core Rule Set in ${rules}: npm run setup`;

/** This one, the one on PATH, and those named in PALISADE_NODES (separated by colons); one a major version. */
function nodes(): Map<string, string> {
  const found = new Map<string, string>();
  for (const command of [process.execPath, 'node', '/usr/bin/node', ...(process.env.PALISADE_NODES ?? '').split(':')]) {
    const version = command === '' ? '' : spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout;
    const major = /^v(\d+)/.exec(version ?? '')?.[1];
    if (major !== undefined && Number(major) >= 20 && !found.has(major)) found.set(major, command);
  }
  return found;
}

function run(command: string, args: readonly string[], cwd: string): string {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.status}\n${result.stdout}${result.stderr}`);
  return result.stdout;
}

describe('published form', { skip, timeout: 300_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'waf-published-'));
  const project = join(folder, 'project');
  before(() => {
    const built = join(folder, 'built');
    run(process.execPath, [join(home, 'scripts/build.ts'), built], folder);
    run('npm', ['pack', '--pack-destination', folder], built);
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))!;
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), '{"type":"module","private":true}');
    run('npm', ['install', '--no-audit', '--no-fund', join(folder, tarball), 'express@5'], project);
    cpSync(rules, join(project, 'coreruleset'), { recursive: true, dereference: true });
    writeFileSync(join(project, 'server.js'), /```js\n([\s\S]*?)```/.exec(readFileSync(join(built, 'README.md'), 'utf8'))![1]!);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [major, node] of nodes()) {
    test(`Node ${major}: the README's server blocks an attack and passes a benign request`, async () => {
      const server = spawn(node, ['server.js'], { cwd: project, env: { PATH: '/usr/bin:/bin', PORT: '0' } });
      let said = '';
      const port = await new Promise<string>((resolve, fail) => {
        const listen = (chunk: Buffer): void => {
          said += chunk;
          const found = /listening on (\d+)/.exec(said)?.[1];
          if (found) resolve(found);
        };
        server.stdout.on('data', listen);
        server.stderr.on('data', listen);
        server.on('exit', () => fail(new Error(said)));
      });
      try {
        const url = `http://localhost:${port}/`;
        const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"name":"Zoë"}' };
        const benign = await fetch(`${url}?q=hello`, json);
        assert.deepEqual([benign.status, await benign.json()], [200, { query: { q: 'hello' }, body: { name: 'Zoë' } }]);
        assert.equal((await fetch(`${url}?q=1'+or+1%3D1+union+select+password+from+users--`)).status, 403);
        assert.equal((await fetch(url, { ...json, body: '{"name":"<script>alert(1)</script>"}' })).status, 403);
      } finally {
        const ended = once(server, 'exit');
        server.kill();
        await ended;
      }
    });

    test(`Node ${major}: every entry loads, the command runs`, () => {
      const { exports } = JSON.parse(readFileSync(join(project, 'node_modules/@palisade/waf/package.json'), 'utf8'));
      const names = Object.keys(exports).map((name) => `@palisade/waf${name.slice(1)}`);
      assert.ok(names.length >= 6);
      run(node, ['--input-type=module', '-e', names.map((name) => `await import('${name}');`).join('')], project);
      const lint = run(node, ['node_modules/.bin/palisade-waf', 'lint', 'coreruleset/rules/REQUEST-901-INITIALIZATION.conf'], project);
      assert.match(lint, /^\d+ rules .*: fine\n$/);
    });
  }

  test('types resolve for a strict user', () => {
    const compiler = new URL('../../../node_modules/.bin/tsc', import.meta.url).pathname;
    const types = new URL('../../../node_modules/@types', import.meta.url).pathname;
    writeFileSync(
      join(project, 'user.ts'),
      `import { coreRuleSet, loadEngine } from '@palisade/waf';\nimport { waf } from '@palisade/waf/node';\nimport { waf as web } from '@palisade/waf/web';\nconst engine = loadEngine(coreRuleSet('x'));\nwaf({ engine, onResult: (result) => result.matched.map((rule) => rule.id.toFixed()) });\nweb({ engine });\n// @ts-expect-error: an engine is needed\nwaf({});\n`,
    );
    const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2022', '--typeRoots', types, '--types', 'node'];
    run(compiler, [...options, 'user.ts'], project);
  });
});
