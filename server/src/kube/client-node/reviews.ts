/** Questions about rights and identity: SelfSubjectAccessReview and SelfSubjectReview. */
import type { AccessAnswer, AccessQuestion, WhoAmI } from '../gateway.ts';
import { apiVersionOf, type ResourceType } from '../resources.ts';
import { expectObject, type JsonObject, notKubernetes, parseObject } from './bodies.ts';
import type { Deadline } from './deadline.ts';
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
  const { allowed, reason } = await review(requester, accessReviews, { resourceAttributes }, deadline);
  if (typeof allowed !== 'boolean') throw notKubernetes('that neither allows nor denies what was asked');
  return { ...question, allowed, ...(typeof reason === 'string' && reason !== '' && { reason }) };
}

/** Who the API server takes the caller for. */
export async function reviewIdentity(requester: Requester, deadline: Deadline): Promise<WhoAmI> {
  const { userInfo } = await review(requester, identityReviews, undefined, deadline);
  const { username = '', groups } = expectObject(userInfo);
  return { username: String(username), groups: Array.isArray(groups) ? groups.map(String) : [] };
}

/** The status of a review, which is its answer. */
async function review(
  requester: Requester,
  type: ResourceType,
  spec: Record<string, unknown> | undefined,
  deadline: Deadline,
): Promise<JsonObject> {
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
  return expectObject(parseObject(text).status);
}
