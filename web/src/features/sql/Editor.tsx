/** The CodeMirror editor of the active tab. Every tab keeps its undo history and its selection. */
import { setDiagnostics } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { useEffect, useImperativeHandle, useRef, type Ref } from 'react';
import { wordAt } from '../../lib/sql-error';
import { splitStatements, statementAt } from '../../lib/sql';
import { addExtras, editorExtensions, type EditorHooks } from './editor-setup';
import type { Piece } from './runs';
import './editor.css';

export interface EditorHandle {
  /** The selection, or the statement at the cursor. */
  current: () => Piece[];
  all: () => Piece[];
  insert: (text: string) => void;
  /** The selection, or the whole text. */
  text: () => string;
  /** Puts another text in its place, as one step to undo. */
  replace: (change: (text: string) => string) => void;
  mark: (position: number | null, message: string) => void;
  focus: () => void;
}

interface EditorProps extends EditorHooks {
  tabId: string;
  initial: string;
  ref: Ref<EditorHandle>;
}

const states = new Map<string, EditorState>();
const hooksOf = new Map<string, EditorHooks>();

export function forgetEditor(tabId: string): void {
  states.delete(tabId);
  hooksOf.delete(tabId);
}

export default function Editor({ tabId, initial, ref, ...hooks }: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  useEffect(() => {
    hooksOf.set(tabId, hooks);
  });
  useEffect(() => {
    if (!host.current) return undefined;
    const state = states.get(tabId) ?? EditorState.create({ doc: initial, extensions: editorExtensions(through(tabId)) });
    const created = new EditorView({ state, parent: host.current });
    view.current = created;
    created.focus();
    // Without them the editor still edits and runs.
    addExtras(created, through(tabId)).catch(() => undefined);
    return () => {
      states.set(tabId, created.state);
      created.destroy();
      view.current = null;
    };
    // `initial` counts only once; from then on the text is the editor's own.
  }, [tabId]);

  useImperativeHandle(ref, () => ({
    current: () => (view.current ? currentPieces(view.current.state) : []),
    all: () => (view.current ? allPieces(view.current.state) : []),
    text: () => (view.current ? chosen(view.current.state).text : ''),
    replace: (change) => view.current && replaceText(view.current, change),
    insert: (text) => view.current && insertText(view.current, text),
    mark: (position, message) => view.current && mark(view.current, position, message),
    focus: () => view.current?.focus(),
  }));
  return <div className="editor" ref={host} data-testid="editor" />;
}

/** A kept state outlives the component that made it, so it looks its hooks up. */
function through(tabId: string): EditorHooks {
  return {
    run: () => hooksOf.get(tabId)?.run(),
    runAll: () => hooksOf.get(tabId)?.runAll(),
    cancel: () => hooksOf.get(tabId)?.cancel() ?? false,
    changed: (text) => hooksOf.get(tabId)?.changed(text),
    context: () => hooksOf.get(tabId)?.context() ?? {},
  };
}

function currentPieces(state: EditorState): Piece[] {
  const { from, to, empty, head } = state.selection.main;
  if (!empty) {
    const text = state.sliceDoc(from, to);
    return splitStatements(text).map((span) => ({ text: text.slice(span.from, span.to), from: from + span.from }));
  }
  const script = state.doc.toString();
  const span = statementAt(script, head);
  return span ? [{ text: script.slice(span.from, span.to), from: span.from }] : [];
}

function allPieces(state: EditorState): Piece[] {
  const script = state.doc.toString();
  return splitStatements(script).map((span) => ({ text: script.slice(span.from, span.to), from: span.from }));
}

function chosen(state: EditorState): { from: number; to: number; text: string } {
  const { from, to, empty } = state.selection.main;
  return empty ? { from: 0, to: state.doc.length, text: state.doc.toString() } : { from, to, text: state.sliceDoc(from, to) };
}

function replaceText(view: EditorView, change: (text: string) => string): void {
  const { from, to, text } = chosen(view.state);
  view.dispatch({ changes: { from, to, insert: change(text) }, userEvent: 'input' });
  view.focus();
}

function insertText(view: EditorView, text: string): void {
  const { from, to } = view.state.selection.main;
  const before = view.state.sliceDoc(Math.max(0, from - 1), from);
  const spaced = before && !/[\s(.,]/.test(before) ? ` ${text}` : text;
  view.dispatch({ changes: { from, to, insert: spaced }, selection: { anchor: from + spaced.length }, userEvent: 'input' });
  view.focus();
}

function mark(view: EditorView, position: number | null, message: string): void {
  if (position === null) {
    view.dispatch(setDiagnostics(view.state, []));
    return;
  }
  const length = view.state.doc.length;
  const { from, to } = wordAt(view.state.doc.toString(), Math.min(position, length));
  view.dispatch(
    setDiagnostics(view.state, [{ from, to: Math.min(to, length), severity: 'error', message }]),
    { effects: EditorView.scrollIntoView(from, { y: 'center' }) },
  );
}
