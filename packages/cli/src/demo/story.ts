import type { Scene, Stage } from './scene.ts';

const simple = ['www', 'auth', 'db'];
const layered = ['www', 'wwworigin', 'auth', 'authorigin', 'db', 'dborigin'];
const onSimple = {
  attacker: 'www',
  victims: [
    { deployment: 'auth', service: 'auth' },
    { deployment: 'db', service: 'db' },
  ],
};
const onLayered = {
  attacker: 'wwworigin',
  victims: [
    { deployment: 'authorigin', service: 'auth' },
    { deployment: 'dborigin', service: 'db' },
  ],
};

/** The story of the seeds: insecure, Service Layer, Sidecar, Sidecar-on-Sidecar, each protection with its control. */
export const story: readonly Scene[] = [
  {
    title: 'The insecure application',
    why: 'Three services trust each other. www sends SQL injections to auth and db; nothing looks, nothing stops auth from calling db.',
    prepare: (stage) => deploy(stage, 'examples/simple/app.yaml', simple),
    attack: { ...onSimple, outcome: 'lands' },
    reach: [
      ['www', 'auth:8080', 'open'],
      ['auth', 'db:8080', 'open'],
      ['db', 'auth:8080', 'open'],
    ],
  },
  {
    title: 'Security Service Layer: a WAF tier in front of each service',
    why: 'A WAF with the OWASP Core Rule Set stands between the services. Attacks get 403. The network is still flat.',
    async prepare(stage) {
      await remove(stage, 'examples/simple/app.yaml');
      await deploy(stage, 'examples/service-layer/app.yaml', layered);
    },
    attack: { ...onLayered, outcome: 'is blocked' },
    reach: [
      ['wwworigin', 'db:80', 'open'],
      ['authorigin', 'db:80', 'open'],
      ['authorigin', 'dborigin:8080', 'open'],
    ],
  },
  {
    title: 'Service Layer with network policies',
    why: 'Each tier accepts only the tier before it. What nobody allows is dropped, and the drop is logged with its reason.',
    prepare: (stage) => kubectl(stage, 'apply', '-f', 'examples/service-layer/network-policy.yaml'),
    attack: { ...onLayered, outcome: 'is blocked' },
    reach: [
      ['wwworigin', 'db:80', 'open'],
      ['wwworigin', 'dborigin:8080', 'closed'],
      ['authorigin', 'db:80', 'closed'],
      ['authorigin', 'dborigin:8080', 'closed'],
    ],
    dropped: ['authorigin', 'dborigin-ingress'],
  },
  {
    title: 'Control: take WAF and policies away again',
    why: 'The same checks without protection must fail, or they prove nothing.',
    async prepare(stage) {
      await kubectl(stage, 'delete', '-f', 'examples/service-layer/network-policy.yaml');
      await switchWafOff(stage);
    },
    attack: { ...onLayered, outcome: 'lands' },
    reach: [
      ['authorigin', 'db:80', 'open'],
      ['authorigin', 'dborigin:8080', 'open'],
    ],
  },
  {
    title: 'Security Sidecar: the WAF inside every pod',
    why: 'The same WAF as a second container: no more tiers, but the application port of a pod still answers anyone who knows its address.',
    async prepare(stage) {
      await remove(stage, 'examples/service-layer/app.yaml');
      await deploy(stage, 'examples/sidecar/app.yaml', simple);
    },
    attack: { ...onSimple, outcome: 'is blocked' },
    reach: [
      ['www', 'db:8080', 'open'],
      ['auth', 'db:8080', 'open'],
      ['auth', 'pod/db', 'open'],
    ],
  },
  {
    title: 'Sidecar with network policies',
    why: 'Only www may call auth and db, and only through their WAF: the way around it is closed too.',
    prepare: (stage) => kubectl(stage, 'apply', '-f', 'examples/sidecar/network-policy.yaml'),
    attack: { ...onSimple, outcome: 'is blocked' },
    reach: [
      ['www', 'db:8080', 'open'],
      ['www', 'pod/db', 'closed'],
      ['auth', 'db:8080', 'closed'],
      ['auth', 'pod/db', 'closed'],
    ],
    dropped: ['auth', 'db-ingress'],
  },
  {
    title: 'Control: the sidecar without its WAF and its policies',
    why: 'Again the same checks, which must now fail.',
    async prepare(stage) {
      await kubectl(stage, 'delete', '-f', 'examples/sidecar/network-policy.yaml');
      await switchWafOff(stage);
    },
    attack: { ...onSimple, outcome: 'lands' },
    reach: [['auth', 'db:8080', 'open']],
  },
  {
    title: 'Sidecar-on-Sidecar: identity, mutual TLS and access control around the WAF',
    why: 'The mesh gives every service an identity. auth gets "RBAC: access denied" at db, and nothing at all at the address of its pod.',
    async prepare(stage) {
      await remove(stage, 'examples/sidecar/app.yaml');
      await kubectl(stage, 'label', 'namespace', 'default', 'istio-injection=enabled', 'palisade.dev/interception=redirect');
      await kubectl(stage, 'apply', '-f', 'examples/sidecar-on-sidecar/istio-sidecar.yaml');
      // The original attacks once in a hundred requests; here every round carries one.
      await kubectl(stage, 'set', 'env', 'deployment/www', '-c', 'microsimclient', 'ATTACK_PROBABILITY=1', 'REQUEST_WAIT_SECONDS=0.5');
      await rolledOut(stage, simple);
      await kubectl(stage, 'apply', '-f', 'examples/sidecar-on-sidecar/istio-mtls-strict.yaml');
      await kubectl(stage, 'apply', '-f', 'examples/sidecar-on-sidecar/istio-rbac-policy-final.yaml');
    },
    attack: { ...onSimple, outcome: 'is blocked' },
    reach: [
      ['www', 'db:8080', 'open'],
      ['www', 'auth:8080', 'open'],
      ['auth', 'db:8080', 'denied'],
      ['auth', 'pod/db', 'cut off'],
    ],
  },
  {
    title: 'Control: Sidecar-on-Sidecar without its roles, its TLS and its WAF',
    why: 'The identities are still there; nobody asks for them.',
    async prepare(stage) {
      await kubectl(stage, 'delete', '-f', 'examples/sidecar-on-sidecar/istio-rbac-policy-final.yaml');
      await kubectl(stage, 'delete', '-f', 'examples/sidecar-on-sidecar/istio-mtls-strict.yaml');
      await switchWafOff(stage);
    },
    attack: { ...onSimple, outcome: 'lands' },
    reach: [
      ['auth', 'db:8080', 'open'],
      ['auth', 'pod/db', 'open'],
    ],
  },
];

async function kubectl({ shell }: Stage, ...args: string[]): Promise<void> {
  await shell.show('kubectl', ...args);
}

async function deploy(stage: Stage, file: string, names: readonly string[]): Promise<void> {
  await kubectl(stage, 'apply', '-f', file);
  await rolledOut(stage, names);
}

async function remove(stage: Stage, file: string): Promise<void> {
  await kubectl(stage, 'delete', '-f', file, '--now');
  await stage.shell.run('kubectl', 'wait', '--for=delete', 'pods', '--all', '--timeout=60s');
}

async function rolledOut({ shell }: Stage, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const result = await shell.show('kubectl', 'rollout', 'status', `deployment/${name}`, '--timeout=120s');
    if (result.code !== 0) throw new Error(`deployment/${name} did not become ready: see "kubectl describe pods -l app=${name}"`);
  }
}

async function switchWafOff(stage: Stage): Promise<void> {
  const env = [{ name: 'MODSEC_RULE_ENGINE', value: 'Off' }];
  const patch = JSON.stringify({ spec: { template: { spec: { containers: [{ name: 'modsecurity', env }] } } } });
  const victims = ['auth', 'db'];
  for (const name of victims) await kubectl(stage, 'patch', 'deployment', name, '-p', patch);
  await rolledOut(stage, victims);
}
