/** The CodeMirror extensions of the editor. Colours come from the page's own CSS variables. */
import { autocompletion, closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { keywordCompletionSource, sql } from '@codemirror/lang-sql';
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { lintGutter } from '@codemirror/lint';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { EditorState, Prec, type Extension } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  placeholder,
} from '@codemirror/view';
import { classHighlighter } from '@lezer/highlight';
import { catalogNames, nameCompletion } from './completion';
import type { SqlContext } from './completion-context';
import { databricksSql } from './dialect';

export interface EditorHooks {
  run: () => void;
  runAll: () => void;
  /** True when there was something to cancel. */
  cancel: () => boolean;
  changed: (text: string) => void;
  context: () => SqlContext;
}

export function editorExtensions(hooks: EditorHooks): Extension {
  const commands = keymap.of([
    { key: 'Mod-Enter', run: (view) => (closeCompletion(view), hooks.run(), true), preventDefault: true },
    { key: 'Mod-Shift-Enter', run: (view) => (closeCompletion(view), hooks.runAll(), true), preventDefault: true },
  ]);
  return [
    Prec.highest(commands),
    lineNumbers(),
    highlightActiveLineGutter(),
    highlightSpecialChars(),
    history(),
    drawSelection(),
    EditorState.allowMultipleSelections.of(true),
    indentOnInput(),
    indentUnit.of('  '),
    bracketMatching(),
    closeBrackets(),
    autocompletion({
      override: [
        nameCompletion(catalogNames, hooks.context),
        keywordCompletionSource(databricksSql, true),
      ],
      icons: false,
      maxRenderedOptions: 200,
    }),
    highlightActiveLine(),
    highlightSelectionMatches(),
    search({ top: true }),
    lintGutter(),
    sql({ dialect: databricksSql, upperCaseKeywords: true }),
    syntaxHighlighting(classHighlighter),
    placeholder('Write SQL. Ctrl+Enter runs the statement at the cursor.'),
    keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap, indentWithTab]),
    // After the completion list's own Escape.
    Prec.lowest(keymap.of([{ key: 'Escape', run: () => hooks.cancel() }])),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ 'aria-label': 'SQL editor' }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) hooks.changed(update.state.doc.toString());
    }),
  ];
}
