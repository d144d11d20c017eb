import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Container, PodSpec } from '../pod-types.ts';
import { renderBwrapArguments } from './bwrap-arguments.ts';
import { renderProcess, startFailure } from './command.ts';
import { parseLdd } from './entry.ts';
import { type MachineFacts, openReadOnlyFolders, renderBaseRoot, renderKernelFolders, throughLinks } from './layout.ts';
import { renderSetpriv, resolveCredentials, SecurityContextError } from './security.ts';

const image = { uid: 33, gid: 34 };
const credentials = (pod: PodSpec['securityContext'], own: Container['securityContext'] = {}) =>
  resolveCredentials(
    { containers: [], ...(pod === undefined ? {} : { securityContext: pod }) },
    { name: 'c', image: 'i', securityContext: own },
    image,
  );
const DEFAULT = [
  'audit_write',
  'chown',
  'dac_override',
  'fowner',
  'fsetid',
  'kill',
  'mknod',
  'net_bind_service',
  'net_raw',
  'setfcap',
  'setgid',
  'setpcap',
  'setuid',
  'sys_chroot',
];

test('who a container runs as', () => {
  const rows: [pod: PodSpec['securityContext'], own: Container['securityContext'], uid: number, gid: number, groups: number[]][] = [
    [undefined, undefined, 33, 34, []],
    [{ runAsUser: 1000 }, {}, 1000, 0, []],
    [{ runAsUser: 1000, runAsGroup: 2000 }, {}, 1000, 2000, []],
    [{ runAsUser: 1000, runAsGroup: 2000 }, { runAsUser: 5 }, 5, 2000, []],
    [{ runAsGroup: 7 }, {}, 33, 7, []],
    [{ fsGroup: 9, supplementalGroups: [8, 9, 4] }, {}, 33, 34, [4, 8, 9]],
  ];
  for (const [pod, own, uid, gid, groups] of rows) {
    const found = credentials(pod, own);
    assert.deepEqual([found.uid, found.gid, found.groups], [uid, gid, groups], JSON.stringify([pod, own]));
  }
  assert.throws(() => credentials({ runAsNonRoot: true, runAsUser: 0 }), SecurityContextError);
  assert.throws(
    () => resolveCredentials({ containers: [], securityContext: { runAsNonRoot: true } }, { name: 'c', image: 'i' }, { uid: 0, gid: 0 }),
    /image will run as root/,
  );
  assert.equal(credentials({ runAsNonRoot: true }).uid, 33);
});

test('a seccomp profile of the node’s own is not there; the others need nothing', () => {
  const seccompProfile = { type: 'Localhost', localhostProfile: 'mine.json' };
  assert.throws(() => credentials({ seccompProfile }), /Cannot load seccomp profile "mine\.json" for container "c"/);
  assert.throws(() => credentials({}, { seccompProfile }), SecurityContextError);
  assert.equal(credentials({ seccompProfile }, { seccompProfile: { type: 'RuntimeDefault' } }).uid, 33);
});

test('capabilities', () => {
  const rows: [own: Container['securityContext'], expected: string[]][] = [
    [{}, DEFAULT],
    [{ capabilities: { drop: ['ALL'] } }, []],
    [{ capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE', 'CAP_CHOWN'] } }, ['chown', 'net_bind_service']],
    [{ capabilities: { drop: ['KILL'] } }, DEFAULT.filter((name) => name !== 'kill')],
    [{ capabilities: { add: ['NET_ADMIN'] } }, [...DEFAULT, 'net_admin'].sort()],
  ];
  for (const [own, expected] of rows) assert.deepEqual(credentials({}, own).capabilities, expected, JSON.stringify(own));
  const everything = credentials({}, { privileged: true }).capabilities;
  assert.deepEqual(everything, credentials({}, { capabilities: { add: ['ALL'] } }).capabilities);
  // None of these may ever come out: they reach past the pod's namespaces.
  const outside = [
    'sys_admin',
    'sys_ptrace',
    'sys_module',
    'sys_rawio',
    'sys_boot',
    'sys_time',
    'sys_resource',
    'syslog',
    'bpf',
    'perfmon',
    'mac_admin',
    'mac_override',
    'checkpoint_restore',
    'wake_alarm',
    'block_suspend',
    'linux_immutable',
    'audit_control',
    'sys_tty_config',
    'sys_pacct',
  ];
  for (const name of outside) {
    assert.ok(!everything.includes(name), name);
    assert.throws(
      () => credentials({}, { capabilities: { add: [name.toUpperCase()] } }),
      new RegExp(`Cannot add capability "${name.toUpperCase()}"`),
    );
  }
});

test('privileges go before variables come', () => {
  const setting = {
    credentials: credentials({ runAsUser: 1, runAsGroup: 2 }, { capabilities: { drop: ['ALL'] } }),
    env: { LD_PRELOAD: '/x.so', 'odd.name': 'v' },
    workingDir: "/it's",
    hasTerminal: false,
  };
  const { words, script } = renderProcess(setting, ['prog', '-x'], 7);
  assert.deepEqual(words, [
    ...renderSetpriv(setting.credentials),
    '/usr/bin/env',
    '-i',
    '/usr/bin/sh',
    '-c',
    '. /proc/self/fd/7',
    'sh',
    'prog',
    '-x',
  ]);
  assert.ok(words.includes('--bounding-set=-all') && words.includes('--no-new-privs') && words.includes('--clear-groups'));
  assert.equal(
    words.some((word) => word.includes('LD_PRELOAD')),
    false,
  );
  assert.equal(
    script,
    "exec 7<&-\ncd '/it'\\''s' || exit 126\nunset PWD OLDPWD\nexport LD_PRELOAD='/x.so'\nexec /usr/bin/env -- 'odd.name=v' \"$@\"\n",
  );
});

test('any variables arrive unchanged', () => {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-script-'));
  const path = join(folder, 'script');
  const name = fc
    .stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,12}$/)
    .filter((each) => !/^(_|PATH|LD_.*|GLIBC.*|MALLOC.*|POSIXLY_CORRECT)$/.test(each));
  const value = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll('\0', '').toWellFormed());
  try {
    fc.assert(
      fc.property(fc.dictionary(name, value, { maxKeys: 6 }), (variables) => {
        const env = { ...variables, PATH: '/usr/bin:/bin' };
        const { words, script } = renderProcess(
          { credentials: credentials({}), env, workingDir: '/', hasTerminal: false },
          ['env', '-0'],
          3,
        );
        writeFileSync(path, script);
        const fd = openSync(path, 'r');
        // Without setpriv: what is tested is the script.
        const output = execFileSync('/usr/bin/env', words.slice(words.indexOf('-i')), {
          stdio: ['ignore', 'pipe', 'inherit', fd],
          encoding: 'utf8',
        });
        closeSync(fd);
        const seen = Object.fromEntries(
          output
            .split('\0')
            .filter(Boolean)
            .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
        );
        assert.deepEqual(seen, env);
      }),
      { numRuns: 60 },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('loader and libraries of a program', () => {
  const text = [
    '\tlinux-vdso.so.1 (0x00007f54466fb000)',
    '\tlibcap-ng.so.0 => /lib/x86_64-linux-gnu/libcap-ng.so.0 (0x00007f54466ce000)',
    '\tlibc.so.6 => /lib64/libc.so.6 (0x00007f54462ec000)',
    '\t/lib64/ld-linux-x86-64.so.2 (0x00007f54466fd000)',
    '',
  ];
  assert.deepEqual(parseLdd(text.join('\n')), {
    loader: '/lib64/ld-linux-x86-64.so.2',
    libraries: ['/lib/x86_64-linux-gnu/libcap-ng.so.0', '/lib64/libc.so.6'],
  });
  assert.throws(() => parseLdd('\tnot a dynamic executable\n'), /ldd names no loader/);
});

test('programs that could not be started', () => {
  const rows: [exitCode: number, lastError: string, program: string, expected: RegExp | undefined][] = [
    [127, 'sh: 5: exec: nope: not found\n', 'nope', /exec: "nope": executable file not found in \$PATH$/],
    [127, 'sh: 5: exec: /no/pe: not found', '/no/pe', /stat \/no\/pe: no such file or directory$/],
    [126, 'sh: 3: exec: /etc/passwd: Permission denied', '/etc/passwd', /stat \/etc\/passwd: permission denied$/],
    [127, "env: 'nope': No such file or directory", 'nope', /executable file not found/],
    [126, "sh: 2: cd: can't cd to /gone", 'x', /working directory: can't cd to \/gone$/],
    // the program's own words and codes
    [127, 'sh: 1: other: not found', 'sh', undefined],
    [1, 'sh: 5: exec: nope: not found', 'nope', undefined],
    [127, '', 'nope', undefined],
  ];
  for (const [exitCode, lastError, program, expected] of rows) {
    const found = startFailure(exitCode, lastError, program);
    if (expected === undefined) assert.equal(found, undefined, lastError);
    else assert.match(found ?? 'nothing', expected, lastError);
  }
});

const facts: MachineFacts = {
  usrLinks: ['/bin', '/lib'],
  sharedEtc: ['/etc/ssl/certs'],
  sensitiveProc: [
    { path: '/proc/sys', isFolder: true },
    { path: '/proc/kcore', isFolder: false },
    { path: '/proc/scsi', isFolder: true },
  ],
};

test('the words for bubblewrap', () => {
  const root = [
    ...renderBaseRoot(facts, { etc: '/e', isReadOnly: false }),
    ...renderKernelFolders(facts, '/empty'),
    { kind: 'bind', source: '/s', target: '/a/b/c', isReadOnly: false } as const,
  ];
  const text = renderBwrapArguments({ hostname: 'h', root, isRootReadOnly: false, statusFd: 4 }).join(' ');
  const expected = [
    '--unshare-pid --unshare-ipc --unshare-uts --hostname h --die-with-parent --cap-drop ALL --cap-add CAP_',
    '--ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib',
    '--perms 0700 --dir /root',
    '--bind /e /etc --perms 0755 --dir /etc/ssl --ro-bind /etc/ssl/certs /etc/ssl/certs --perms 1777 --tmpfs /tmp',
    '--dev /dev --proc /proc --ro-bind /proc/sys /proc/sys --ro-bind /dev/null /proc/kcore --ro-bind /empty /proc/scsi',
    '--perms 0755 --dir /a --perms 0755 --dir /a/b --bind /s /a/b/c --chdir /',
  ];
  for (const part of expected) assert.ok(text.includes(part), `${part}\nnot in\n${text}`);
  assert.ok(!text.includes('--bind / '));
  const locked = renderBwrapArguments({
    hostname: 'h',
    root: renderBaseRoot(facts, { etc: '/e', isReadOnly: true }),
    isRootReadOnly: true,
    statusFd: 4,
  }).join(' ');
  assert.ok(
    locked.includes('--ro-bind /e /etc') &&
      locked.includes('--perms 1777 --dir /tmp') &&
      locked.includes('--remount-ro /') &&
      !locked.includes('--tmpfs'),
  );
  assert.ok(
    renderBaseRoot(facts, { etc: '/e', isReadOnly: false, binFolder: '/applets' }).some(
      (entry) => entry.kind === 'bind' && entry.target === '/bin',
    ),
  );
});

test('mount points inside the read-only /usr', () => {
  const content: Record<string, Map<string, string | undefined>> = {
    '/usr/share': new Map([
      ['doc', undefined],
      ['link', 'doc'],
    ]),
  };
  const exists = (path: string) => ['/usr', '/usr/share', '/usr/share/doc', '/usr/bin'].includes(path);
  const open = (targets: string[]) => openReadOnlyFolders(targets, (folder) => content[folder], exists);
  assert.deepEqual(open(['/usr/share/doc', '/data', '/etc/x']), []);
  const opened = [
    { kind: 'tmpfs', target: '/usr/share', mode: 0o755 },
    { kind: 'bind', source: '/usr/share/doc', target: '/usr/share/doc', isReadOnly: true },
    { kind: 'link', target: '/usr/share/link', to: 'doc' },
  ];
  assert.deepEqual(open(['/usr/share/app/deep', '/usr/share/other']), opened);
});

test('paths through links', () => {
  const rows: [string, string][] = [
    ['/var/run', '/run'],
    ['/var/run/secrets/x', '/run/secrets/x'],
    ['/var/runner', '/var/runner'],
    ['/data', '/data'],
  ];
  for (const [path, expected] of rows) assert.equal(throughLinks(path), expected);
});
