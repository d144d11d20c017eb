import { runOnProcess } from './host.ts';
import { startServer } from './server-app.ts';

await runOnProcess(startServer);
