// The fruits catalog of seed 004: a REST resource over a MongoDB collection, with the official driver and no security of its own.
import { createServer } from 'node:http';
import { MongoClient } from 'mongodb';

const { MONGODB_URL = 'mongodb://mongodb:27017/?directConnection=true', PORT = '8080' } = process.env;
const client = new MongoClient(MONGODB_URL, { serverSelectionTimeoutMS: 3000, connectTimeoutMS: 3000, socketTimeoutMS: 5000 });
const fruits = () => client.db('sampledb').collection('fruits');

createServer(async (request, response) => {
  const answer = (status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  try {
    if (request.url === '/health') return answer(200, { status: 'UP' });
    if (request.url !== '/api/fruits') return answer(404, { error: `nothing at ${request.url}` });
    if (request.method === 'GET') return answer(200, await fruits().find().sort({ name: 1 }).toArray());
    if (request.method !== 'POST') return answer(405, { error: `${request.method} is not for fruits` });
    const parts = [];
    for await (const part of request) parts.push(part);
    const { name, origin } = JSON.parse(Buffer.concat(parts).toString());
    const { insertedId } = await fruits().insertOne({ name, origin });
    return answer(201, { id: insertedId, name, origin });
  } catch (error) {
    return answer(503, { error: `${error.name}: ${error.message}` });
  }
}).listen(Number(PORT));
