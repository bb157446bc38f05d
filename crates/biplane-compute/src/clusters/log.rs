//! The log of a cluster's driver: what programs there printed, and what was done there, as it comes.
//!
//! What must hold: it is in memory and bounded; who reads on from where it was is told when something between
//! is gone; it goes on over restarts of its cluster, and what was delivered before a server started is not lost.

use super::store::Cluster;
use crate::Compute;
use biplane_api::clusters::{ClusterLogPiece, ClusterLogStream as Stream};
use biplane_api::ids::ClusterId;
use biplane_platform::{ApiError, Ctx, Result};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::VecDeque;

/// Of one stream.
const KEPT_BYTES: usize = 1 << 20;
/// Of one answer.
const PIECE_BYTES: usize = 128 << 10;
/// Clusters that have one; the oldest goes.
const LOGS_MAX: usize = 256;
/// Outputs of init scripts.
const FILES_MAX: usize = 100;
const FILE_BYTES: usize = 256 << 10;

/// The end of what was written.
#[derive(Debug, Default)]
struct Tail {
    /// Everything before that is gone.
    from: u64,
    bytes: VecDeque<u8>,
}

impl Tail {
    fn end(&self) -> u64 {
        self.from + self.bytes.len() as u64
    }

    fn push(&mut self, text: &str) {
        self.bytes.extend(text.as_bytes());
        let excess = self.bytes.len().saturating_sub(KEPT_BYTES);
        self.bytes.drain(..excess);
        self.from += excess as u64;
    }

    /// What is there from `cursor` on; where it really begins; where it ends.
    fn read(&self, cursor: u64, most: usize) -> (u64, String, u64) {
        let begin = cursor.clamp(self.from, self.end());
        let skip = usize::try_from(begin - self.from).unwrap_or(usize::MAX);
        let mut bytes: Vec<u8> = self.bytes.iter().skip(skip).take(most).copied().collect();
        // Characters stay whole, but for what was cut at the beginning.
        if let Err(error) = str::from_utf8(&bytes)
            && error.error_len().is_none()
            && error.valid_up_to() > 0
        {
            bytes.truncate(error.valid_up_to());
        }
        let end = begin + bytes.len() as u64;
        (begin, String::from_utf8_lossy(&bytes).into_owned(), end)
    }
}

#[derive(Debug, Default)]
struct Log {
    /// Tells it from another log of the same cluster.
    began_ms: i64,
    streams: [Tail; 3],
    /// What was delivered of an earlier log; None: nobody looked.
    before: Option<[String; 3]>,
    /// Name and text.
    scripts: Vec<(String, String)>,
    /// Grows with every change.
    changes: u64,
    delivered: u64,
}

/// What is to be written where logs are delivered: names below the cluster's directory, and texts.
pub(super) struct Delivery {
    pub files: Vec<(String, String)>,
    pub changes: u64,
    /// What an earlier log left there belongs in front of this one, and was not looked for.
    pub begins: bool,
}

/// The streams where they are delivered.
pub(super) const FILES: [&str; 3] = ["driver/stdout", "driver/stderr", "driver/log4j-active.log"];

#[derive(Default)]
pub(crate) struct Logs(Mutex<HashMap<ClusterId, Log>>);

fn index(stream: Stream) -> usize {
    match stream {
        Stream::Stdout => 0,
        Stream::Stderr => 1,
        Stream::Log4j => 2,
    }
}

impl Logs {
    /// Nothing when there is one.
    pub fn begin(&self, id: &ClusterId, now_ms: i64) {
        let mut logs = self.0.lock();
        if logs.contains_key(id) {
            return;
        }
        if logs.len() >= LOGS_MAX {
            let oldest = logs.iter().min_by_key(|(_, log)| log.began_ms).map(|(id, _)| id.clone());
            oldest.map(|id| logs.remove(&id));
        }
        logs.insert(id.clone(), Log { began_ms: now_ms, ..Log::default() });
    }

    pub(super) fn put_before(&self, id: &ClusterId, before: [String; 3]) {
        if let Some(log) = self.0.lock().get_mut(id) {
            log.before = Some(before);
        }
    }

    pub fn write(&self, id: &ClusterId, stream: Stream, text: &str) {
        if let Some(log) = self.0.lock().get_mut(id) {
            log.streams[index(stream)].push(text);
            log.changes += 1;
        }
    }

    /// A line of what was done, as log4j writes them.
    pub fn tell(&self, id: &ClusterId, now_ms: i64, what: &str) {
        let at = chrono::DateTime::from_timestamp_millis(now_ms).unwrap_or_default();
        let at = at.format("%y/%m/%d %H:%M:%S");
        self.write(id, Stream::Log4j, &format!("{at} INFO Cluster: {what}\n"));
    }

    /// What an init script printed.
    pub fn script(&self, id: &ClusterId, name: String, text: &str) {
        let mut logs = self.0.lock();
        let Some(log) = logs.get_mut(id) else { return };
        let known = log.scripts.iter().position(|(known, _)| *known == name);
        let at = match known {
            Some(at) => at,
            None if log.scripts.len() < FILES_MAX => {
                log.scripts.push((name, String::new()));
                log.scripts.len() - 1
            }
            None => return,
        };
        let kept = &mut log.scripts[at].1;
        let room = FILE_BYTES.saturating_sub(kept.len());
        kept.push_str(&text[..text.floor_char_boundary(room)]);
        log.changes += 1;
    }

    pub fn forget(&self, id: &ClusterId) {
        self.0.lock().remove(id);
    }

    /// What changed since it was delivered last.
    pub(super) fn due(&self, id: &ClusterId) -> Option<Delivery> {
        let logs = self.0.lock();
        let log = logs.get(id).filter(|log| log.changes > log.delivered)?;
        let mut files = Vec::new();
        for (index, (name, tail)) in FILES.iter().zip(&log.streams).enumerate() {
            let before = log.before.as_ref().map(|before| before[index].as_str());
            let mut text = before.unwrap_or_default().to_owned();
            text.push_str(&tail.read(0, KEPT_BYTES).1);
            let excess = text.ceil_char_boundary(text.len().saturating_sub(KEPT_BYTES));
            files.push(((*name).to_owned(), text.split_off(excess)));
        }
        files.extend(
            log.scripts.iter().map(|(name, text)| (format!("init_scripts/{name}"), text.clone())),
        );
        Some(Delivery { files, changes: log.changes, begins: log.before.is_none() })
    }

    pub(super) fn delivered(&self, id: &ClusterId, changes: u64) {
        if let Some(log) = self.0.lock().get_mut(id) {
            log.delivered = log.delivered.max(changes);
        }
    }

    fn read(&self, row: &Cluster, stream: Stream, cursor: u64) -> ClusterLogPiece {
        let logs = self.0.lock();
        let Some(log) = logs.get(&row.id) else {
            return ClusterLogPiece::default();
        };
        let (begin, text, end) = log.streams[index(stream)].read(cursor, PIECE_BYTES);
        ClusterLogPiece {
            log_id: log.began_ms,
            text,
            cursor: i64::try_from(end).unwrap_or(i64::MAX),
            skipped: begin > cursor,
            more: end < log.streams[index(stream)].end(),
        }
    }
}

impl Compute {
    /// A piece of the driver's log. What others printed is in it: it is for those who manage the cluster.
    pub async fn cluster_log_get(
        &self,
        ctx: &Ctx,
        id: &str,
        stream: &str,
        cursor: i64,
    ) -> Result<ClusterLogPiece> {
        let row = self.cluster_for(ctx, id, "CAN_MANAGE").await?;
        let stream = match stream {
            "" | "stdout" => Stream::Stdout,
            "stderr" => Stream::Stderr,
            "log4j" => Stream::Log4j,
            _ => return Err(ApiError::invalid("stream is stdout, stderr or log4j.")),
        };
        let cursor =
            u64::try_from(cursor).map_err(|_| ApiError::invalid("cursor is not negative."))?;
        Ok(self.clusters.logs.read(&row, stream, cursor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_read_on_and_says_what_is_gone() {
        let mut tail = Tail::default();
        tail.push("one ä two");
        let (_, text, end) = tail.read(0, 5);
        assert_eq!((text.as_str(), end), ("one ", 4));
        assert_eq!(tail.read(end, 100), (4, "ä two".into(), 10));
        assert_eq!(tail.read(999, 100), (10, String::new(), 10));
        tail.push(&"x".repeat(KEPT_BYTES));
        let (begin, text, _) = tail.read(0, 3);
        assert_eq!((begin, text.as_str()), (10, "xxx"));
    }

    #[test]
    fn what_was_delivered_is_not_due_until_something_comes() {
        let (logs, id) = (Logs::default(), ClusterId::random());
        logs.write(&id, Stream::Stdout, "of no generation");
        assert!(logs.due(&id).is_none());
        logs.begin(&id, 1);
        logs.write(&id, Stream::Stdout, "hello\n");
        assert!(logs.due(&id).unwrap().begins);
        logs.put_before(&id, ["earlier\n".into(), String::new(), String::new()]);
        logs.script(&id, "1_a.sh.log".into(), "done\n");
        let due = logs.due(&id).unwrap();
        assert!(due.files.contains(&("driver/stdout".into(), "earlier\nhello\n".into())));
        assert!(due.files.contains(&("init_scripts/1_a.sh.log".into(), "done\n".into())));
        logs.delivered(&id, due.changes);
        assert!(logs.due(&id).is_none());
        logs.begin(&id, 2);
        logs.write(&id, Stream::Stderr, "more\n");
        assert!(logs.due(&id).is_some());
    }
}
