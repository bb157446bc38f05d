//! What a statement did and when, for the trace of its caller. An engine has no network: the spans go back
//! in the stream of the statement.
//!
//! Without a sampled `traceparent` nothing is recorded and no clock is read.

use biplane_proto::v1;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Of one statement; more are not recorded.
const SPANS_MAX: usize = 200;

tokio::task_local! {
    static PLACE: Place;
}

/// Under which span the work of this task goes on.
#[derive(Clone)]
pub struct Place {
    recorder: Arc<Recorder>,
    span_id: [u8; 8],
}

struct Recorder {
    /// As it came: 32 digits.
    trace_id: String,
    spans: Mutex<Vec<v1::Span>>,
}

impl Place {
    /// The caller's, if the statement is to be traced.
    pub fn of(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.split('-');
        let (_, trace_id, span_id, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |text: &str| text.bytes().all(|c| c.is_ascii_hexdigit());
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        if !sampled || trace_id.len() != 32 || span_id.len() != 16 || !is_hex(trace_id) {
            return None;
        }
        let span_id = u64::from_str_radix(span_id, 16).ok()?.to_be_bytes();
        let recorder = Recorder { trace_id: trace_id.to_owned(), spans: Mutex::default() };
        Some(Self { recorder: Arc::new(recorder), span_id })
    }

    /// `work`, recorded as a span below this place.
    pub async fn record<T, E>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let mut span_id = [0; 8];
        if getrandom::fill(&mut span_id).is_err() {
            return work.await;
        }
        let start_ns = nanos(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
        let since = Instant::now();
        let below = Self { recorder: self.recorder.clone(), span_id };
        let output = PLACE.scope(below, work).await;
        let mut spans = self.recorder.spans.lock();
        if spans.len() < SPANS_MAX {
            spans.push(v1::Span {
                span_id: span_id.to_vec().into(),
                parent_span_id: self.span_id.to_vec().into(),
                name: name.to_owned(),
                start_ns,
                end_ns: start_ns.saturating_add(nanos(since.elapsed())),
                numbers: Default::default(),
                failed: output.is_err(),
            });
        }
        output
    }

    /// All of them; `numbers` are of the one that ended last, which is the statement's.
    pub fn take(&self, numbers: impl IntoIterator<Item = (&'static str, u64)>) -> v1::Spans {
        let mut spans = std::mem::take(&mut *self.recorder.spans.lock());
        if let Some(last) = spans.last_mut() {
            let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
            last.numbers =
                numbers.into_iter().map(|(name, value)| (name.to_owned(), number(value))).collect();
        }
        v1::Spans { spans }
    }
}

/// `work`, recorded if the statement is traced.
pub async fn span<T, E>(
    name: &'static str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match PLACE.try_with(Clone::clone) {
        Ok(place) => place.record(name, work).await,
        Err(_) => work.await,
    }
}

/// For calls to the control plane.
pub fn traceparent() -> Option<String> {
    let text = |place: &Place| {
        let span = u64::from_be_bytes(place.span_id);
        format!("00-{}-{span:016x}-01", place.recorder.trace_id)
    };
    PLACE.try_with(text).ok()
}

fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn spans_lie_in_spans() {
        assert!(Place::of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00").is_none());
        assert!(Place::of("nonsense").is_none());
        let place = Place::of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
        let inner = span("inner", async { Err::<(), _>(traceparent().unwrap()) });
        let told = place.record("outer", inner).await.unwrap_err();
        let spans = place.take([("rows", 7)]).spans;
        assert_eq!((spans[0].name.as_str(), spans[1].name.as_str()), ("inner", "outer"));
        assert_eq!(spans[0].parent_span_id, spans[1].span_id);
        assert_eq!(spans[1].parent_span_id[..], 0xb7ad_6b71_6920_3331_u64.to_be_bytes());
        assert!(told.starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
        assert_eq!(spans[1].numbers["rows"], 7);
        assert!(spans[0].failed && traceparent().is_none());
    }
}
