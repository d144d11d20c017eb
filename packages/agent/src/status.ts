/** Port 15020: what others ask the agent for, by exact path. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export const statusPort = 15_020;

export function createStatusServer(routes: ReadonlyMap<string, Answer>): Server {
  return createServer({ requestTimeout: 10_000 }, (request, response) => {
    const answer = routes.get((request.url ?? '').split('?')[0]!);
    if (answer === undefined) response.writeHead(404).end();
    else answer(request, response);
  });
}
