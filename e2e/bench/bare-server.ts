/** What the server is compared with: a Fastify route that answers the same bytes and does nothing else. `bare-server.ts LENGTH…` */
import Fastify from 'fastify';

const app = Fastify();
for (const length of process.argv.slice(2).map(Number)) {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    result: { text: 'x'.repeat(Math.max(0, length - 52)) },
  });
  app.post(`/${length}`, (_request, reply) => reply.type('application/json').send(body));
}
console.log(await app.listen({ host: '127.0.0.1', port: 0 }));
process.once('SIGTERM', () => app.close());
