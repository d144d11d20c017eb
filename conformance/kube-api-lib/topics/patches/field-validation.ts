import type { Check } from '../../topic.ts';
import { deployment } from './samples.ts';

/** Fields nobody knows and keys given twice: told, refused, or let pass, as asked. */
export const fieldValidationChecks: readonly Check[] = [
  { name: 'unknown field', send: 'POST $apps/deployments?dryRun=All', body: deployment('e', { foo: 1 }) },
  {
    name: 'unknown field, strictly',
    send: 'POST $apps/deployments?fieldValidation=Strict',
    body: deployment('e', { foo: 1, paused: false }),
  },
  {
    name: 'unknown fields deep, strictly',
    send: 'POST $apps/deployments?fieldValidation=Strict',
    body: deployment('e', {
      template: {
        metadata: { labels: { app: 'e' }, bar: 1 },
        spec: { containers: [{ name: 'a', image: 'a', imag: 'x', resources: { limit: {} } }] },
      },
    }),
  },
  {
    name: 'the same key twice',
    send: 'POST $apps/deployments?dryRun=All',
    body: '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"e","name":"f"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"a"}]}}}}',
  },
  {
    name: 'the same key twice, strictly',
    send: 'POST $apps/deployments?fieldValidation=Strict',
    body: '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"e","name":"f"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"a"}]}}}}',
  },
  { name: 'field validation unknown', send: 'POST $apps/deployments?fieldValidation=Loud', body: deployment('e') },
  {
    name: 'a name in another case, strictly',
    send: 'POST $apps/deployments?fieldValidation=Strict',
    body: { ...deployment('e'), Spec: {} },
  },
];
