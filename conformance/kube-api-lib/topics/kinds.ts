import type { Topic } from '../topic.ts';
import { limitChecks } from './kinds/limits.ts';
import { namespaceChecks } from './kinds/namespaces.ts';
import { otherChecks } from './kinds/others.ts';
import { podChecks } from './kinds/pods.ts';
import { serviceChecks } from './kinds/services.ts';
import { workloadChecks } from './kinds/workloads.ts';

/** What single kinds take and refuse, and what the server adds to them. Some checks build on earlier ones: the order counts. */
export const kinds: Topic = {
  name: 'kinds',
  checks: [...podChecks, ...serviceChecks, ...workloadChecks, ...otherChecks, ...namespaceChecks, ...limitChecks],
};
