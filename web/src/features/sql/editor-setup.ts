/** The CodeMirror extensions of the editor. Colours come from the page's own CSS variables. */
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { lintGutter } from '@codemirror/lint';
import { Compartment, EditorState, Prec, type Extension } from '@codemirror/state';
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
import type { SqlContext } from './completion-context';

export interface EditorHooks {
  run: () => void;
  runAll: () => void;
  /** True when there was something to cancel. */
  cancel: () => boolean;
  changed: (text: string) => void;
  context: () => SqlContext;
}

const extras = new Compartment();

/** The language, completion and search come in a chunk of their own, once the editor can be typed in. */
export async function addExtras(view: EditorView, hooks: EditorHooks): Promise<void> {
  const { editorExtras } = await import('./editor-extras');
  const there = extras.get(view.state);
  if (!view.dom.isConnected || (Array.isArray(there) && there.length > 0)) return;
  view.dispatch({ effects: extras.reconfigure(editorExtras(hooks.context)) });
}

export function editorExtensions(hooks: EditorHooks): Extension {
  const commands = keymap.of([
    { key: 'Mod-Enter', run: () => (hooks.run(), true), preventDefault: true },
    { key: 'Mod-Shift-Enter', run: () => (hooks.runAll(), true), preventDefault: true },
  ]);
  return [
    extras.of([]),
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
    highlightActiveLine(),
    lintGutter(),
    syntaxHighlighting(classHighlighter),
    placeholder('Write SQL. Ctrl+Enter runs the statement at the cursor.'),
    keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
    // After the completion list's own Escape.
    Prec.lowest(keymap.of([{ key: 'Escape', run: () => hooks.cancel() }])),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ 'aria-label': 'SQL editor' }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) hooks.changed(update.state.doc.toString());
    }),
  ];
}
