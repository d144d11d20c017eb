import { type Expectation, expectAttacksBlocked, expectAttacksLand, expectReach, minimumAttacks } from './expect.ts';
import { type Attacks, measureAttacks, measureReach, type Reach } from './measure.ts';
import type { Shell } from './shell.ts';

export interface StepResult {
  readonly title: string;
  readonly reach: readonly Reach[];
  readonly attacks: readonly Attacks[];
  readonly expectations: readonly Expectation[];
}

/** What the story needs from outside. */
export interface Stage {
  readonly shell: Shell;
  readonly say: (text: string) => void;
  readonly progress: (text: string) => void;
  /** Flows since the step began, as `palisade flows` prints them. */
  readonly droppedFlows: () => Promise<string[]>;
}

interface Step {
  readonly title: string;
  readonly why: string;
  readonly act: (stage: Stage) => Promise<Omit<StepResult, 'title'>>;
}

const deployments = { simple: ['www', 'auth', 'db'], layered: ['www', 'wwworigin', 'auth', 'authorigin', 'db', 'dborigin'] };
const simpleVictims = [
  { deployment: 'auth', service: 'auth' },
  { deployment: 'db', service: 'db' },
];
const layeredVictims = [
  { deployment: 'authorigin', service: 'auth' },
  { deployment: 'dborigin', service: 'db' },
];

/** The story of the seeds: insecure, Security Service Layer, Security Sidecar, each protection with its control. */
export const story: readonly Step[] = [
  {
    title: 'The insecure application',
    why: 'Three services trust each other. www sends SQL injections to auth and db; nothing looks, nothing stops auth from calling db.',
    async act(stage) {
      await apply(stage, 'examples/simple/app.yaml', deployments.simple);
      const reach = await measureReach(stage.shell, ['www', 'auth', 'db'], ['http://auth:8080', 'http://db:8080']);
      const attacks = await attack(stage, 'www', simpleVictims);
      return { reach, attacks, expectations: [...expectAttacksLand(attacks), expectReach(reach, 'auth', 'db:8080', 'open')] };
    },
  },
  {
    title: 'Security Service Layer: a WAF tier in front of each service',
    why: 'ModSecurity with the OWASP Core Rule Set stands between the services. Attacks get 403. The network is still flat.',
    async act(stage) {
      await remove(stage, 'examples/simple/app.yaml');
      await apply(stage, 'examples/service-layer/app.yaml', deployments.layered);
      const reach = await measureReach(stage.shell, ['wwworigin', 'authorigin'], ['http://db:80', 'http://dborigin:8080']);
      const attacks = await attack(stage, 'wwworigin', layeredVictims);
      return {
        reach,
        attacks,
        expectations: [
          ...expectAttacksBlocked(attacks),
          expectReach(reach, 'authorigin', 'db:80', 'open'),
          expectReach(reach, 'authorigin', 'dborigin:8080', 'open'),
        ],
      };
    },
  },
  {
    title: 'Service Layer with network policies',
    why: 'Each tier accepts only the tier before it. What nobody allows is dropped, and the drop is logged with its reason.',
    async act(stage) {
      await stage.shell.show('kubectl', 'apply', '-f', 'examples/service-layer/network-policy.yaml');
      const reach = await measureReach(stage.shell, ['wwworigin', 'authorigin'], ['http://db:80', 'http://dborigin:8080']);
      const attacks = await attack(stage, 'wwworigin', layeredVictims);
      return {
        reach,
        attacks,
        expectations: [
          ...expectAttacksBlocked(attacks),
          expectReach(reach, 'wwworigin', 'db:80', 'open'),
          expectReach(reach, 'wwworigin', 'dborigin:8080', 'closed'),
          expectReach(reach, 'authorigin', 'db:80', 'closed'),
          expectReach(reach, 'authorigin', 'dborigin:8080', 'closed'),
          await expectDropsNamed(stage, 'authorigin', 'dborigin-ingress'),
        ],
      };
    },
  },
  {
    title: 'Control: take WAF and policies away again',
    why: 'The same checks without protection must fail, or they prove nothing.',
    async act(stage) {
      await stage.shell.show('kubectl', 'delete', '-f', 'examples/service-layer/network-policy.yaml');
      await wafMode(stage, ['auth', 'db'], 'Off');
      const reach = await measureReach(stage.shell, ['authorigin'], ['http://db:80', 'http://dborigin:8080']);
      const attacks = await attack(stage, 'wwworigin', layeredVictims);
      return {
        reach,
        attacks,
        expectations: [
          ...expectAttacksLand(attacks),
          expectReach(reach, 'authorigin', 'db:80', 'open'),
          expectReach(reach, 'authorigin', 'dborigin:8080', 'open'),
        ],
      };
    },
  },
  {
    title: 'Security Sidecar: the WAF inside every pod',
    why: 'The same WAF as a second container: no more tiers, but the application port of a pod still answers anyone who knows its address.',
    async act(stage) {
      await remove(stage, 'examples/service-layer/app.yaml');
      await apply(stage, 'examples/sidecar/app.yaml', deployments.simple);
      const direct = await podAddress(stage, 'db');
      const reach = await measureReach(stage.shell, ['www', 'auth'], ['http://db:8080', direct]);
      const attacks = await attack(stage, 'www', simpleVictims);
      return {
        reach,
        attacks,
        expectations: [
          ...expectAttacksBlocked(attacks),
          expectReach(reach, 'auth', 'db:8080', 'open'),
          expectReach(reach, 'auth', direct.replace('http://', ''), 'open'),
        ],
      };
    },
  },
  {
    title: 'Sidecar with network policies',
    why: 'Only www may call auth and db, and only through their WAF: the way around it is closed too.',
    async act(stage) {
      await stage.shell.show('kubectl', 'apply', '-f', 'examples/sidecar/network-policy.yaml');
      const direct = await podAddress(stage, 'db');
      const reach = await measureReach(stage.shell, ['www', 'auth'], ['http://db:8080', direct]);
      const attacks = await attack(stage, 'www', simpleVictims);
      return {
        reach,
        attacks,
        expectations: [
          ...expectAttacksBlocked(attacks),
          expectReach(reach, 'www', 'db:8080', 'open'),
          expectReach(reach, 'www', direct.replace('http://', ''), 'closed'),
          expectReach(reach, 'auth', 'db:8080', 'closed'),
          expectReach(reach, 'auth', direct.replace('http://', ''), 'closed'),
          await expectDropsNamed(stage, 'auth', 'db-ingress'),
        ],
      };
    },
  },
  {
    title: 'Control: the sidecar without its WAF and its policies',
    why: 'Again the same checks, which must now fail.',
    async act(stage) {
      await stage.shell.show('kubectl', 'delete', '-f', 'examples/sidecar/network-policy.yaml');
      await wafMode(stage, ['auth', 'db'], 'Off');
      const reach = await measureReach(stage.shell, ['auth'], ['http://db:8080']);
      const attacks = await attack(stage, 'www', simpleVictims);
      return { reach, attacks, expectations: [...expectAttacksLand(attacks), expectReach(reach, 'auth', 'db:8080', 'open')] };
    },
  },
];

async function apply(stage: Stage, file: string, names: readonly string[]): Promise<void> {
  await stage.shell.show('kubectl', 'apply', '-f', file);
  await rolledOut(stage, names);
}

async function remove(stage: Stage, file: string): Promise<void> {
  await stage.shell.show('kubectl', 'delete', '-f', file, '--now');
  await stage.shell.run('kubectl', 'wait', '--for=delete', 'pods', '--all', '--timeout=60s');
}

async function rolledOut(stage: Stage, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const result = await stage.shell.show('kubectl', 'rollout', 'status', `deployment/${name}`, '--timeout=90s');
    if (result.code !== 0) throw new Error(`deployment/${name} did not become ready: see "kubectl describe pods -l app=${name}"`);
  }
}

async function wafMode(stage: Stage, names: readonly string[], mode: 'On' | 'Off'): Promise<void> {
  const env = [{ name: 'MODSEC_RULE_ENGINE', value: mode }];
  const patch = JSON.stringify({ spec: { template: { spec: { containers: [{ name: 'modsecurity', env }] } } } });
  for (const name of names) await stage.shell.show('kubectl', 'patch', 'deployment', name, '-p', patch);
  await rolledOut(stage, names);
}

async function attack(stage: Stage, attacker: string, victims: typeof simpleVictims): Promise<Attacks[]> {
  return measureAttacks(stage.shell, { attacker, victims, atLeast: minimumAttacks, timeoutMs: 90_000 }, stage.progress);
}

async function podAddress(stage: Stage, app: string): Promise<string> {
  const result = await stage.shell.run('kubectl', 'get', 'pods', '-l', `app=${app}`, '-o', 'jsonpath={.items[0].status.podIP}');
  return `http://${result.stdout.trim()}:8080`;
}

async function expectDropsNamed(stage: Stage, from: string, policy: string): Promise<Expectation> {
  const lines = await stage.droppedFlows();
  const found = lines.filter((line) => line.includes(from) && line.includes(policy));
  for (const line of found.slice(0, 2)) stage.say(`  dropped: ${line}`);
  return { text: `"palisade flows --verdict DROPPED" names ${policy} for ${from} (${found.length} records)`, held: found.length > 0 };
}
