import { describe, expect, it } from 'vitest';
import { ToolError } from '../../errors.ts';
import { checkedImpersonation } from './impersonation.ts';

function codeOf(user: string, groups: string[] = []): string {
  try {
    checkedImpersonation({ user, groups });
  } catch (thrown) {
    if (thrown instanceof ToolError) return thrown.code;
    throw thrown;
  }
  return 'accepted';
}

describe('acting as somebody else', () => {
  it('is possible for people and their groups', () => {
    expect(codeOf('jane@example.com', ['team a', 'dba,admin'])).toBe('accepted');
  });

  it.each(['system:admin', 'system:serviceaccount:kube-system:default', 'System:Masters', 'system:masters '])(
    'is refused for %s of Kubernetes itself',
    (name) => {
      expect(codeOf(name)).toBe('forbidden');
      expect(codeOf('jane', ['dba', name])).toBe('forbidden');
    },
  );

  it.each(['', ' system:masters', 'jane ', 'a\nb', 'a\r\nImpersonate-Group: b', '\tx', 'é'])(
    'is refused for %j, which would not arrive as it is',
    (name) => {
      expect(codeOf(name)).toBe('invalid_arguments');
      expect(codeOf('jane', [name])).toBe('invalid_arguments');
    },
  );
});
