import type { Answers, PromptSurface } from '../surface.ts';
import type { Handler, LegacyCall } from './call.ts';
import { methodNotFound, refuseCursor, text, texts } from './params.ts';
import { ask } from './questions.ts';

function promptsOf({ surface }: LegacyCall): PromptSurface {
  if (!surface.prompts) throw methodNotFound();
  return surface.prompts;
}

const listPrompts: Handler = async (call) => {
  refuseCursor(call.params);
  return { prompts: await promptsOf(call).list(call.context) };
};

const mostRounds = 10;

const getPrompt: Handler = async (call) => {
  const prompts = promptsOf(call);
  const name = text(call.params, 'name');
  const args = texts(call.params.arguments, 'arguments');
  let answers: Answers | undefined;
  for (let round = 0; round < mostRounds; round += 1) {
    const answer = await prompts.get(name, args, call.context, answers);
    if (!('kind' in answer)) return answer;
    answers = await ask(call, answer);
  }
  throw new Error(`The prompt ${name} goes on asking.`);
};

export const promptHandlers: Readonly<Record<string, Handler>> = {
  'prompts/list': listPrompts,
  'prompts/get': getPrompt,
};
