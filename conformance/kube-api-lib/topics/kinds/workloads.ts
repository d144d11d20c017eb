import type { Check } from '../../topic.ts';
import { container, made, selector, template } from './samples.ts';

/** What makes pods. */
export const workloadChecks: readonly Check[] = [
  made('deployment', '$apps/deployments', { metadata: { name: 'd' }, spec: { selector, template } }),
  made('deployment without a selector', '$apps/deployments', { metadata: { name: 'd' }, spec: { template } }),
  made('deployment whose selector selects others', '$apps/deployments', {
    metadata: { name: 'd' },
    spec: { selector: { matchLabels: { x: 'y' } }, template },
  }),
  made('deployment with a bad strategy', '$apps/deployments', {
    metadata: { name: 'd' },
    spec: { selector, template, strategy: { type: 'Fast' } },
  }),
  made('deployment recreated and rolling', '$apps/deployments', {
    metadata: { name: 'd' },
    spec: { selector, template, strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } },
  }),
  made('deployment with a bad surge', '$apps/deployments', {
    metadata: { name: 'd' },
    spec: { selector, template, strategy: { rollingUpdate: { maxSurge: 'x', maxUnavailable: '200%' } } },
  }),
  made('deployment impatient', '$apps/deployments', {
    metadata: { name: 'd' },
    spec: { selector, template, minReadySeconds: 700, progressDeadlineSeconds: 600, revisionHistoryLimit: -1 },
  }),
  made('stateful set', '$apps/statefulsets', { metadata: { name: 'd' }, spec: { serviceName: 's', selector, template } }),
  made('stateful set with an odd policy', '$apps/statefulsets', {
    metadata: { name: 'd' },
    spec: { serviceName: 's', selector, template, podManagementPolicy: 'Odd', updateStrategy: { type: 'Odd' } },
  }),
  made('daemon set', '$apps/daemonsets', { metadata: { name: 'd' }, spec: { selector, template } }),
  made('replica set', '$apps/replicasets', { metadata: { name: 'd' }, spec: { selector, template } }),
  made('job', '$batch/jobs', {
    metadata: { name: 'j' },
    spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } },
  }),
  made('job that restarts', '$batch/jobs', { metadata: { name: 'j' }, spec: { template: { spec: { containers: [container] } } } }),
  made('job with negative counts', '$batch/jobs', {
    metadata: { name: 'j' },
    spec: { parallelism: -1, completions: -1, backoffLimit: -1, template: { spec: { restartPolicy: 'Never', containers: [container] } } },
  }),
  made('job indexed without completions', '$batch/jobs', {
    metadata: { name: 'j' },
    spec: { completionMode: 'Indexed', template: { spec: { restartPolicy: 'Never', containers: [container] } } },
  }),
  made('cron job', '$batch/cronjobs', {
    metadata: { name: 'j' },
    spec: { schedule: '*/5 * * * *', jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } } } },
  }),
  made('cron job with a bad schedule', '$batch/cronjobs', {
    metadata: { name: 'j' },
    spec: {
      schedule: 'hourly',
      timeZone: 'Nowhere/None',
      jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } } },
    },
  }),
];
