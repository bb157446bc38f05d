/** What an editor needs a moment after it is drawn: the language, completion, search, closing brackets. */
import { autocompletion, closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap } from '@codemirror/autocomplete';
import { keywordCompletionSource } from '@codemirror/lang-sql';
import { LanguageSupport } from '@codemirror/language';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { Prec, type Extension } from '@codemirror/state';
import { keymap } from '@codemirror/view';
import { catalogNames, nameCompletion } from './completion';
import type { SqlContext } from './completion-context';
import { databricksSql } from './dialect';

export function editorExtras(context: () => SqlContext): Extension {
  // The list of completions goes when a statement runs; the key then goes on to run it.
  const close = { run: (view: Parameters<typeof closeCompletion>[0]) => (closeCompletion(view), false) };
  return [
    Prec.highest(keymap.of([{ key: 'Mod-Enter', ...close }, { key: 'Mod-Shift-Enter', ...close }])),
    new LanguageSupport(databricksSql.language),
    closeBrackets(),
    autocompletion({
      override: [nameCompletion(catalogNames, context), keywordCompletionSource(databricksSql, true)],
      icons: false,
      maxRenderedOptions: 200,
    }),
    highlightSelectionMatches(),
    search({ top: true }),
    keymap.of([...closeBracketsKeymap, ...searchKeymap, ...completionKeymap]),
  ];
}
