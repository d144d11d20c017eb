import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesRepository, parseReference } from './reference.ts';
import { createImageRegistry, ImageNotFoundError } from './registry.ts';
import { parseUserImage, UserImageError } from './user-image.ts';

test('image references', () => {
  const rows: [text: string, expected: ReturnType<typeof parseReference>][] = [
    // short forms
    ['busybox', { repository: 'docker.io/library/busybox' }],
    ['busybox:1.36', { repository: 'docker.io/library/busybox', tag: '1.36' }],
    ['kellybrazil/microsimserver', { repository: 'docker.io/kellybrazil/microsimserver' }],
    ['docker.io/busybox', { repository: 'docker.io/library/busybox' }],
    ['index.docker.io/owasp/modsecurity-crs:v3.2', { repository: 'docker.io/owasp/modsecurity-crs', tag: 'v3.2' }],
    // registries
    ['registry.k8s.io/pause:3.9', { repository: 'registry.k8s.io/pause', tag: '3.9' }],
    ['localhost:5000/a/b:t', { repository: 'localhost:5000/a/b', tag: 't' }],
    ['localhost/a', { repository: 'localhost/a' }],
    // digests
    [`busybox@sha256:${'a'.repeat(64)}`, { repository: 'docker.io/library/busybox', digest: `sha256:${'a'.repeat(64)}` }],
    // not references
    ['', undefined],
    ['Busybox', undefined],
    ['a b', undefined],
    ['x/../y', undefined],
    ['busybox:', undefined],
    ['busybox@sha256:12', undefined],
  ];
  for (const [text, expected] of rows) assert.deepEqual(parseReference(text), expected, text);
});

test('names of definitions', () => {
  const rows: [pattern: string, repository: string, expected: boolean][] = [
    ['busybox', 'docker.io/library/busybox', true],
    ['library/busybox', 'docker.io/library/busybox', true],
    ['busybox', 'docker.io/evil/busybox', false],
    ['owasp/modsecurity-crs', 'docker.io/owasp/modsecurity-crs', true],
    ['registry.k8s.io/*', 'registry.k8s.io/pause', true],
    ['registry.k8s.io/*', 'registry.k8s.io/a/b', false],
    ['registry.k8s.io/*', 'registryXk8s.io/pause', false],
  ];
  for (const [pattern, repository, expected] of rows)
    assert.equal(matchesRepository(pattern, repository), expected, `${pattern} ${repository}`);
});

test('an unknown image says how to add it; users win over built-in images', async () => {
  const registry = createImageRegistry({
    builtin: [{ names: ['nginx'], entrypoint: ['built-in'] }],
    folders: ['/a', '/b'],
    readFolder: async (folder) => (folder === '/b' ? [{ names: ['nginx'], entrypoint: ['mine'] }] : []),
  });
  assert.deepEqual((await registry.find('nginx:1')).definition.entrypoint, ['mine']);
  assert.equal((await registry.find('nginx')).name, 'docker.io/library/nginx:latest');
  await assert.rejects(registry.find('acme/shop:2'), (error: Error) => {
    assert.ok(error instanceof ImageNotFoundError);
    assert.equal(error.reason, 'ErrImagePull');
    assert.match(error.message, /\/b\/shop\.yaml/);
    // The example is a valid file.
    const example = error.message.split('for example:\n')[1]!;
    assert.deepEqual(parseUserImage('x.yaml', example).names, ['docker.io/acme/shop']);
    return true;
  });
  await assert.rejects(registry.find('No Image'), { reason: 'InvalidImageName' });
});

test('user image files', () => {
  const image = parseUserImage(
    'shop.yaml',
    'names: [acme/shop]\ncommand: [node, /srv/shop.js]\nuser: 1000\nenv: {PORT: 8080}\nports: [8080]\nfiles:\n- {path: /etc/shop.conf, content: "a=1", mode: 0600}\nbinds:\n- {source: /home/me/shop, target: /srv}\n',
  );
  assert.deepEqual(image, {
    names: ['docker.io/acme/shop'],
    entrypoint: ['node', '/srv/shop.js'],
    user: { uid: 1000, gid: 1000 },
    env: { PORT: '8080' },
    exposedPorts: [8080],
    files: [{ path: '/etc/shop.conf', content: 'a=1', mode: 0o600 }],
    binds: [{ source: '/home/me/shop', target: '/srv' }],
  });
  const refused: [text: string, message: RegExp][] = [
    ['', /f\.yaml:1: found null, expected a map/],
    ['names: []\ncommand: [a]', /field "names": found \[\]/],
    ['names: [a]', /field "command": found nothing/],
    ['names: [a]\ncommand: a', /field "command": found "a"/],
    ['names: [a]\ncommand: [a]\nprots: [1]', /unknown field "prots"/],
    ['names: [a]\ncommand: [a]\nports: [99999]', /field "ports"/],
    ['names: [a]\ncommand: [a]\nuser: root', /field "user": found "root"/],
    ['names: [a]\ncommand: [a]\nbinds: [{source: ../x, target: /y}]', /field "binds"/],
    ['names: [a]\n  command: [a', /f\.yaml:2/],
  ];
  for (const [text, message] of refused)
    assert.throws(
      () => parseUserImage('f.yaml', text),
      (error: Error) => error instanceof UserImageError && message.test(error.message),
      text,
    );
});
