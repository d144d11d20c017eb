import { PatchType } from '@palisade/kubernetes';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { Resource } from '../runtime/resources.ts';
import { aggregatedRules } from './decide.ts';

/** Puts into each aggregating ClusterRole (`view`, `edit`, `admin` and others) the rules of those its selectors find. */
export function createClusterRoleController(ctx: ControllerContext): Controller {
  const roles = ctx.informer(Resource.clusterRoles);
  const controller = createController(ctx, 'clusterrole-aggregation', sync);
  // A role that comes, changes or goes may be in any of them.
  roles.onChange(() => {
    for (const role of roles.list()) if (role['aggregationRule'] !== undefined) controller.queue.add(role.metadata.name!);
  });

  async function sync(name: string): Promise<void> {
    const role = roles.get(name);
    const rules = role === undefined ? undefined : aggregatedRules(role, roles.list());
    if (rules === undefined) return;
    const options = { fieldManager: 'clusterrole-aggregation-controller' };
    await ctx.client.patch(Resource.clusterRoles, { name }, PatchType.merge, { rules }, options);
  }

  return controller;
}
