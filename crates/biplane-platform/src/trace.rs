//! Traces: what a request caused, in all parts, with when and how long. A span is recorded when it is
//! dropped, and goes to whoever exports spans; a full queue drops it, never makes anybody wait.
//!
//! What must hold: without an exporter, or for a request that is not sampled, nothing is allocated and no
//! clock is read; no span has the text of a statement, a path of a user's, or a secret in it.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

pub type TraceId = [u8; 16];
pub type SpanId = [u8; 8];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    Internal,
    /// Answers a request from outside.
    Server,
    /// Asks another process.
    Client,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Number(i64),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

/// A span that has ended.
#[derive(Debug, Clone)]
pub struct SpanRecord {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent: Option<SpanId>,
    pub name: Cow<'static, str>,
    pub kind: SpanKind,
    /// Nanoseconds since 1970.
    pub start_ns: u64,
    pub end_ns: u64,
    pub attributes: Vec<(Cow<'static, str>, Value)>,
    pub failed: bool,
}

/// Begins traces, for an exporter.
#[derive(Debug, Clone)]
pub struct Tracer {
    sink: mpsc::Sender<SpanRecord>,
    /// Of 2^32: so many requests are sampled that did not say themselves.
    sampled: u64,
}

impl Tracer {
    /// `ratio`: of the requests that bring no decision of their own.
    pub fn new(ratio: f64, queue_max: usize) -> (Self, mpsc::Receiver<SpanRecord>) {
        let (sink, spans) = mpsc::channel(queue_max);
        let sampled = (ratio.clamp(0.0, 1.0) * (1_u64 << 32) as f64) as u64;
        (Self { sink, sampled }, spans)
    }

    /// The span of a request that began at `since`. `traceparent` is what the client sent.
    pub fn begin(&self, name: String, traceparent: Option<&str>, since: Instant) -> Span {
        let (trace_id, parent) = match traceparent.and_then(parse) {
            Some(Parent { sampled: false, .. }) => return Span::default(),
            Some(parent) => (parent.trace_id, Some(parent.span_id)),
            None => {
                let Some(trace_id) = random::<16>() else { return Span::default() };
                let dice =
                    trace_id.iter().rev().take(4).fold(0, |n, byte| n << 8 | u64::from(*byte));
                if dice >= self.sampled {
                    return Span::default();
                }
                (trace_id, None)
            }
        };
        let mut span = Span::open(&self.sink, trace_id, parent, Cow::Owned(name), SpanKind::Server);
        if let Some(open) = &mut span.0 {
            open.start_ns = open.start_ns.saturating_sub(nanos(since.elapsed()));
            open.since = since;
        }
        span
    }
}

/// A place in a trace, under which spans begin. The default is in none.
#[derive(Debug, Clone, Default)]
pub struct Trace(Option<Arc<Place>>);

#[derive(Debug)]
struct Place {
    sink: mpsc::Sender<SpanRecord>,
    trace_id: TraceId,
    span_id: SpanId,
}

impl Trace {
    pub fn span(&self, name: &'static str) -> Span {
        self.child(name, SpanKind::Internal)
    }

    /// Of a call to another process; give it `traceparent` of the span's own place.
    pub fn call(&self, name: &'static str) -> Span {
        self.child(name, SpanKind::Client)
    }

    fn child(&self, name: &'static str, kind: SpanKind) -> Span {
        let Some(place) = &self.0 else { return Span::default() };
        Span::open(&place.sink, place.trace_id, Some(place.span_id), Cow::Borrowed(name), kind)
    }

    /// For who goes on elsewhere, as W3C has it.
    pub fn traceparent(&self) -> Option<String> {
        let place = self.0.as_ref()?;
        let mut text = String::with_capacity(55);
        text.push_str("00-");
        hex(&mut text, &place.trace_id);
        text.push('-');
        hex(&mut text, &place.span_id);
        text.push_str("-01");
        Some(text)
    }

    /// Adds a span that another process recorded; it becomes one of this trace. None of its parents is
    /// believed but what it names itself among `span_id`s: without one it is a child of this place.
    pub fn add(&self, mut record: SpanRecord) {
        if let Some(place) = &self.0 {
            record.trace_id = place.trace_id;
            record.parent = record.parent.or(Some(place.span_id));
            let _ = place.sink.try_send(record);
        }
    }
}

/// Recorded when dropped.
#[derive(Debug, Default)]
#[must_use = "a span lasts as long as it is kept"]
pub struct Span(Option<Box<Open>>);

#[derive(Debug)]
struct Open {
    place: Arc<Place>,
    parent: Option<SpanId>,
    name: Cow<'static, str>,
    kind: SpanKind,
    start_ns: u64,
    since: Instant,
    attributes: Vec<(Cow<'static, str>, Value)>,
    failed: bool,
}

impl Span {
    fn open(
        sink: &mpsc::Sender<SpanRecord>,
        trace_id: TraceId,
        parent: Option<SpanId>,
        name: Cow<'static, str>,
        kind: SpanKind,
    ) -> Self {
        let Some(span_id) = random::<8>() else { return Self(None) };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, nanos);
        Self(Some(Box::new(Open {
            place: Arc::new(Place { sink: sink.clone(), trace_id, span_id }),
            parent,
            name,
            kind,
            start_ns: now,
            since: Instant::now(),
            attributes: Vec::new(),
            failed: false,
        })))
    }

    /// Its place: what begins there is its child.
    pub fn trace(&self) -> Trace {
        Trace(self.0.as_ref().map(|open| open.place.clone()))
    }

    pub fn set<V: Into<Value>>(&mut self, key: &'static str, value: impl FnOnce() -> V) {
        if let Some(open) = &mut self.0 {
            open.attributes.push((Cow::Borrowed(key), value().into()));
        }
    }

    pub fn rename(&mut self, name: impl FnOnce() -> String) {
        if let Some(open) = &mut self.0 {
            open.name = Cow::Owned(name());
        }
    }

    pub fn fail(&mut self) {
        if let Some(open) = &mut self.0 {
            open.failed = true;
        }
    }

    /// Never recorded.
    pub fn discard(mut self) {
        self.0 = None;
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(open) = self.0.take() {
            let Open { place, parent, name, kind, start_ns, since, attributes, failed } = *open;
            let end_ns = start_ns.saturating_add(nanos(since.elapsed()));
            let (trace_id, span_id) = (place.trace_id, place.span_id);
            let record = SpanRecord {
                trace_id,
                span_id,
                parent,
                name,
                kind,
                start_ns,
                end_ns,
                attributes,
                failed,
            };
            let _ = place.sink.try_send(record);
        }
    }
}

struct Parent {
    trace_id: TraceId,
    span_id: SpanId,
    sampled: bool,
}

/// `00-<trace>-<span>-<flags>`; what is not that is not there.
fn parse(text: &str) -> Option<Parent> {
    let mut parts = text.trim().split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version.len() != 2 || version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let (trace_id, span_id) = (unhex::<16>(trace)?, unhex::<8>(span)?);
    let [flags] = unhex::<1>(flags)?;
    let is_nothing = trace_id == [0; 16] || span_id == [0; 8];
    (!is_nothing).then_some(Parent { trace_id, span_id, sampled: flags & 1 == 1 })
}

fn hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let lower = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    if text.len() != 2 * N || !text.bytes().all(lower) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes)
}

fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_trace_goes_on_where_the_client_began_it() {
        let (tracer, mut spans) = Tracer::new(0.0, 10);
        let request = tracer.begin("a".into(), Some(PARENT), Instant::now());
        let mut child = request.trace().call("b");
        child.set("statement.id", || "x");
        let told = child.trace().traceparent().unwrap();
        drop(child);
        drop(request);
        let (b, a) = (spans.try_recv().unwrap(), spans.try_recv().unwrap());
        assert_eq!(parse(PARENT).unwrap().trace_id, a.trace_id);
        assert_eq!(a.parent, Some(parse(PARENT).unwrap().span_id));
        assert_eq!((b.parent, b.trace_id), (Some(a.span_id), a.trace_id));
        assert_eq!(parse(&told).unwrap().span_id, b.span_id);
        assert_eq!(b.attributes, [("statement.id".into(), "x".into())]);
    }

    #[test]
    fn what_is_not_sampled_is_nothing() {
        let (tracer, mut spans) = Tracer::new(0.0, 10);
        let unsampled = PARENT.replace("-01", "-00");
        for parent in [None, Some(unsampled.as_str()), Some("00-xyz"), Some("")] {
            let request = tracer.begin("a".into(), parent, Instant::now());
            assert!(request.trace().traceparent().is_none());
            drop(request.trace().span("b"));
        }
        assert!(spans.try_recv().is_err());
        let (tracer, mut spans) = Tracer::new(1.0, 10);
        tracer.begin("a".into(), None, Instant::now()).discard();
        assert!(spans.try_recv().is_err());
        drop(tracer.begin("a".into(), None, Instant::now()));
        assert_eq!(spans.try_recv().unwrap().parent, None);
    }
}
