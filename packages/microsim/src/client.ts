import { startClient } from './client-app.ts';
import { runOnProcess } from './host.ts';

await runOnProcess(startClient);
