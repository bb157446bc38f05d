//! What an engine recorded of a statement, as spans of the statement's trace.

use biplane_platform::trace::{SpanKind, SpanRecord, Trace, Value};
use biplane_proto::v1;
use std::collections::HashSet;

/// An engine's word is not a reason to flood a collector.
const SPANS_MAX: usize = 200;
const NAME_CHARS_MAX: usize = 64;
const NUMBERS_MAX: usize = 16;

/// Under the place of the call that ran it, whatever the engine says of trace and foreign parents.
pub(super) fn add(trace: &Trace, told: v1::Spans) {
    let spans = || told.spans.iter().take(SPANS_MAX);
    let own: HashSet<&[u8]> = spans().map(|span| &span.span_id[..]).collect();
    for span in spans() {
        let Ok(span_id) = <[u8; 8]>::try_from(&span.span_id[..]) else { continue };
        let parent = Some(&span.parent_span_id[..]).filter(|id| own.contains(id));
        let cut = |text: &str| text.chars().take(NAME_CHARS_MAX).collect::<String>();
        trace.add(SpanRecord {
            trace_id: [0; 16],
            span_id,
            parent: parent.and_then(|id| id.try_into().ok()),
            name: cut(&span.name).into(),
            kind: SpanKind::Internal,
            start_ns: span.start_ns,
            end_ns: span.end_ns.max(span.start_ns),
            attributes: span
                .numbers
                .iter()
                .take(NUMBERS_MAX)
                .map(|(key, number)| (cut(key).into(), Value::Number(*number)))
                .collect(),
            failed: span.failed,
        });
    }
}
