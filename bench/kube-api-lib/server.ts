/** Child process of the kube-api benchmark: the embedded API server alone, so that its memory is its own. Prints its kubeconfig. */
import { createApiServer } from '@palisade/cluster/apiserver';

const [stateDir = ''] = process.argv.slice(2);
const server = await createApiServer({ stateDir, clock: () => new Date() });
const { port } = await server.listen('127.0.0.1', 0);
console.log(JSON.stringify(await server.kubeconfig(`https://127.0.0.1:${port}`)));
process.on('disconnect', () => process.exit(0));
