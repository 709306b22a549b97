/** The tool without a transport: gateway, pipeline and rendering in this process. */
import { createGateway } from '../../server/src/kube/client-node/index.ts';
import { ConfirmationSealer } from '../../server/src/policy/confirmation.ts';
import { localPrincipal } from '../../server/src/policy/principal.ts';
import { getClusterStatus } from '../../server/src/tools/catalog/get-cluster-status.ts';
import { runTool } from '../../server/src/tools/pipeline.ts';
import { defaultToolSettings } from '../../server/src/tools/settings.ts';

export interface InProcess {
  /** One call of get_cluster_status. Throws when it fails. */
  call(args: Record<string, unknown>): Promise<void>;
  close(): Promise<void>;
}

export async function inProcess(kubeconfigPath: string): Promise<InProcess> {
  const kube = createGateway({ kubeconfigPath });
  const parts = {
    kube,
    settings: defaultToolSettings,
    policy: { readOnly: false, noDestroy: false },
    sealer: new ConfirmationSealer(),
    confirmation: 'token',
    audit: () => undefined,
  } as const;
  const { signal } = new AbortController();
  return {
    async call(args) {
      const call = {
        tool: getClusterStatus.name,
        arguments: args,
        principal: localPrincipal,
        requestId: 'bench',
        signal,
        canAsk: false,
      };
      const result = await runTool(getClusterStatus, call, parts);
      if (result.kind !== 'answer' || result.isError) throw new Error(JSON.stringify(result));
    },
    close: () => kube.close(),
  };
}
