/** `make down`: removes the server that `make up` installed. The cluster stays, and the PostgreSQL cluster in it. */
import { demo } from './demo-cluster.ts';
import { clusterProgram } from './paths.ts';
import { uninstall } from './release.ts';

console.log((await uninstall()) ? 'The server is removed.' : 'No server was installed.');
console.log(`PostgreSQL is left as it is, and the cluster. To remove them:
  ${clusterProgram} kubectl delete namespace ${demo.namespace}
  ${clusterProgram} down`);
