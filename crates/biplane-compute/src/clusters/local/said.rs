//! What the agent of a local host says: it goes on to this process's own errors, and the end of it is kept,
//! for an agent that cannot run says last what is wrong.

use std::io::Write;
use tokio::io::AsyncReadExt;
use tokio::process::ChildStderr;
use tokio::task::JoinHandle;

const KEPT_BYTES: usize = 4096;
const LINE_CHARS_MAX: usize = 1000;
/// How a program begins the line that it ends with.
const ENDING: &str = "biplane: ";

pub(super) struct Said(JoinHandle<Vec<u8>>);

impl Said {
    pub fn by(mut agent: ChildStderr) -> Self {
        Self(tokio::spawn(async move {
            let (mut kept, mut chunk) = (Vec::new(), vec![0; KEPT_BYTES]);
            while let Ok(count @ 1..) = agent.read(&mut chunk).await {
                // Where nobody listens there is nothing to be done about it.
                let _ = std::io::stderr().write_all(&chunk[..count]);
                kept.extend_from_slice(&chunk[..count]);
                kept.drain(..kept.len().saturating_sub(KEPT_BYTES));
            }
            kept
        }))
    }

    /// Why it ended, in its words. Waits for all that it says.
    pub async fn last(self) -> Option<String> {
        last_line(&self.0.await.ok()?)
    }
}

fn last_line(kept: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(kept);
    let line = text.lines().rev().find_map(|line| line.strip_prefix(ENDING))?;
    Some(line.chars().filter(|c| !c.is_control()).take(LINE_CHARS_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_are_found() {
        for (said, last) in [
            ("", None),
            ("2026-01-01 INFO began\n", None),
            ("INFO began\nbiplane: no root: \u{1b}[1mhere\n", Some("no root: [1mhere")),
            ("biplane: one\nbiplane: two\nanother line", Some("two")),
        ] {
            assert_eq!(last_line(said.as_bytes()).as_deref(), last, "{said}");
        }
    }
}
