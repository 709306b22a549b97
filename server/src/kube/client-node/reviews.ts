/** Questions about rights and identity: SelfSubjectAccessReview and SelfSubjectReview. */
import type { AccessAnswer, AccessQuestion, WhoAmI } from '../gateway.ts';
import { apiVersionOf, type ResourceType } from '../resources.ts';
import type { Deadline } from './deadline.ts';
import { parseJson } from './discovery.ts';
import { pathOf } from './paths.ts';
import type { Requester } from './requester.ts';

const accessReviews: ResourceType = {
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'selfsubjectaccessreviews',
  kind: 'SelfSubjectAccessReview',
  namespaced: false,
};

/** Kubernetes 1.28 and later. */
const identityReviews: ResourceType = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'selfsubjectreviews',
  kind: 'SelfSubjectReview',
  namespaced: false,
};

/** Reviews under way at once; the connection pool has more connections than that, so other calls go on. */
const parallelReviews = 8;

/** Answers in the order of the questions. */
export async function reviewAccess(
  requester: Requester,
  questions: readonly AccessQuestion[],
  deadline: Deadline,
): Promise<AccessAnswer[]> {
  const answers: AccessAnswer[] = [];
  const waiting = questions.entries();
  const work = async (): Promise<void> => {
    for (const [index, question] of waiting) answers[index] = await reviewOne(requester, question, deadline);
  };
  await Promise.all(Array.from({ length: Math.min(parallelReviews, questions.length) }, work));
  return answers;
}

async function reviewOne(
  requester: Requester,
  question: AccessQuestion,
  deadline: Deadline,
): Promise<AccessAnswer> {
  const resourceAttributes = { ...question };
  const { status } = (await review(requester, accessReviews, { resourceAttributes }, deadline)) as {
    status?: { allowed?: boolean; reason?: string };
  };
  const reason = status?.reason;
  return { ...question, allowed: status?.allowed === true, ...(reason && { reason }) };
}

/** Who the API server takes the caller for. */
export async function reviewIdentity(requester: Requester, deadline: Deadline): Promise<WhoAmI> {
  const { status } = (await review(requester, identityReviews, undefined, deadline)) as {
    status?: { userInfo?: { username?: string; groups?: string[] } };
  };
  return { username: status?.userInfo?.username ?? '', groups: status?.userInfo?.groups ?? [] };
}

async function review(
  requester: Requester,
  type: ResourceType,
  spec: Record<string, unknown> | undefined,
  deadline: Deadline,
): Promise<unknown> {
  const { text } = await requester.send(
    {
      subject: { verb: 'create', type },
      method: 'POST',
      path: pathOf({ type }),
      body: { apiVersion: apiVersionOf(type), kind: type.kind, ...(spec && { spec }) },
      // A review stores nothing.
      idempotent: true,
    },
    deadline,
  );
  return parseJson(text);
}
