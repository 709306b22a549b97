/**
 * `make up`: a real cluster, a PostgreSQL cluster of three instances on it, and this server beside it, installed by Helm.
 * Each part that is there already is used as it is; the server becomes the one that was just built.
 */
import { imageOnCluster } from '../image/load.ts';
import { runOrThrow } from './command.ts';
import { applyDemo, demo, untilReplicating } from './demo-cluster.ts';
import { clusterProgram, serverProgram } from './paths.ts';
import { allowRoleCommand, demoRoles, install, newestOf, release, tokenCommand } from './release.ts';
import { describeCluster, formatImages } from './test-cluster.ts';

await runOrThrow(clusterProgram, ['up']);
const cluster = await describeCluster();

console.log(
  `\nPostgreSQL cluster ${demo.name} in namespace ${demo.namespace}, ${demo.instances} instances (about a minute) ...`,
);
await applyDemo(cluster);
await untilReplicating(cluster);

console.log('\nThe server: its image, and the chart ...');
const url = await install(cluster, await imageOnCluster(cluster));

const { postgresImages: images } = cluster;
const stdio = {
  command: process.execPath,
  args: [
    ...[serverProgram, 'stdio', '--kubeconfig', cluster.kubeconfig],
    // As in the cluster: it may have no other images and no way to fetch one.
    ...['--postgres-images', formatImages(images), '--postgres-default-version', newestOf(images)],
  ],
};
const kubectl = `${clusterProgram} kubectl --namespace ${release.namespace}`;
const headers = { Authorization: 'Bearer TOKEN' };
console.log(`
The server runs in the cluster: ${url}
Its log:  ${kubectl} logs --follow deployment/${release.name}
Its test: ${clusterProgram} helm test ${release.name} --namespace ${release.namespace} --logs

Callers need a token:
  TOKEN=$(${tokenCommand()})

Claude Code:
  claude mcp add --transport http cnpg ${url} --header "Authorization: Bearer $TOKEN"
VS Code:
  code --add-mcp '${JSON.stringify({ name: 'cnpg', type: 'http', url, headers })}'
Cursor and others (mcp.json):
  ${JSON.stringify({ mcpServers: { cnpg: { url, headers } } })}
Clients that start their servers (stdio, with the rights of the cluster's administrator):
  ${JSON.stringify({ mcpServers: { cnpg: stdio } })}

It may keep the passwords of these roles of ${demo.name} only: ${demoRoles.join(', ')}. To allow another, sales for example:
  ${allowRoleCommand('sales')}

Then ask: "Is my PostgreSQL cluster ${demo.name} in namespace ${demo.namespace} healthy?"
To remove the server: make down`);
