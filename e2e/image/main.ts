/** `make image`: makes the image, says where it is, and loads it into the cluster that is up. */
import { stat } from 'node:fs/promises';
import { findDocker } from './engines.ts';
import { makeFromDockerfile, makeWithoutEngine } from './make.ts';

const docker = await findDocker();
const { name, archive } = docker ? await makeFromDockerfile(docker) : await makeWithoutEngine();
const { size } = await stat(archive);
console.log(`${name} (${(size / 1e6).toFixed(1)} MB): ${archive}
To use it on the cluster of this project: e2e/clusters/cluster load-image ${archive}`);
