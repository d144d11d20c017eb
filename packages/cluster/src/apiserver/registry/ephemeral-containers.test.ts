import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkEphemeralContainers } from './ephemeral-containers.ts';

const pod = (...ephemeralContainers: object[]) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web' },
  spec: { containers: [{ name: 'main' }], initContainers: [{ name: 'setup' }], ephemeralContainers },
});
const spy = { name: 'spy', image: 'busybox', targetContainerName: 'main' };

test('ephemeral containers may only be added', () => {
  const table: [string, object, object, string[]][] = [
    ['first one', pod(spy), pod(), []],
    ['another', pod(spy, { name: 'second' }), pod(spy), []],
    ['removed', pod(), pod(spy), ['spec.ephemeralContainers: Forbidden: existing ephemeral containers "spy" may not be removed\n']],
    [
      'changed',
      pod({ ...spy, image: 'debian' }),
      pod(spy),
      ['spec.ephemeralContainers: Forbidden: existing ephemeral containers "spy" may not be changed\n'],
    ],
    ['name of a container', pod({ name: 'main' }), pod(), ['spec.ephemeralContainers[0].name: Duplicate value: "main"']],
    ['name of an init container', pod({ name: 'setup' }), pod(), ['spec.ephemeralContainers[0].name: Duplicate value: "setup"']],
    [
      'target that is not there',
      pod({ ...spy, targetContainerName: 'nobody' }),
      pod(),
      ['spec.ephemeralContainers[0].targetContainerName: Not found: "nobody"'],
    ],
  ];
  for (const [name, wanted, current, expected] of table) {
    const causes = checkEphemeralContainers(wanted as ReturnType<typeof pod>, current as ReturnType<typeof pod>);
    assert.deepEqual(
      causes.map(({ field, message }) => `${field}: ${message}`),
      expected,
      name,
    );
  }
});
