//! One running engine: how it ends, what it said last.

use biplane_sandbox::{Event, Sandbox, clear};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::sync::watch;

/// What is kept of an engine's stderr.
const TAIL_BYTES_MAX: usize = 16 << 10;
/// So much is read of it before a rest.
const REST_BYTES: usize = 256 << 10;
const REST: Duration = Duration::from_millis(10);
/// A supervisor says no more than a line.
const EVENT_BYTES_MAX: u64 = 4096;
/// All that held it open is dead by then.
const DRAIN_MAX: Duration = Duration::from_millis(200);

/// How a process is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    No,
    Term(Duration),
    Kill,
}

/// How it ended.
pub struct Ended {
    /// Exit code, or minus the signal.
    pub status: i32,
    pub out_of_memory: bool,
    pub tail: String,
}

/// Waits until nothing of the sandbox is left. `ending` may change from outside at any time.
pub async fn supervise(
    sandbox: Arc<Sandbox>,
    stderr: OwnedFd,
    mut ending: watch::Receiver<Ending>,
) -> Ended {
    let tail = Arc::new(Mutex::new(VecDeque::new()));
    let reader = pipe::Receiver::from_owned_fd(stderr)
        .map(|stderr| tokio::spawn(read_tail(stderr, tail.clone())));
    let told = wait(&sandbox, &mut ending).await.unwrap_or(None);
    let (status, out_of_memory) = match told {
        Some(Event::Exited { status, out_of_memory }) => (status, out_of_memory),
        _ => {
            let lost = sandbox.clone();
            // The supervisor was killed; what it guarded is ended here.
            let _ = tokio::task::spawn_blocking(move || clear(&lost)).await;
            (-9, false)
        }
    };
    if let Ok(reader) = reader {
        let abort = reader.abort_handle();
        if tokio::time::timeout(DRAIN_MAX, reader).await.is_err() {
            abort.abort();
        }
    }
    let bytes: Vec<u8> = tail.lock().iter().copied().collect();
    Ended { status, out_of_memory, tail: plain(&bytes) }
}

/// Text for an operator's terminal or page: nothing in it commands one.
fn plain(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for c in String::from_utf8_lossy(bytes).chars() {
        match c {
            '\n' | '\t' => text.push(c),
            _ if c.is_control() => text.extend(c.escape_default()),
            _ => text.push(c),
        }
    }
    let mut end = text.len().saturating_sub(TAIL_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end += 1;
    }
    text.split_off(end)
}

/// The supervisor's last word; None when there is none.
async fn wait(
    sandbox: &Sandbox,
    ending: &mut watch::Receiver<Ending>,
) -> io::Result<Option<Event>> {
    let events = sandbox.events()?;
    events.set_nonblocking(true)?;
    let mut events = BufReader::new(UnixStream::from_std(events)?.take(EVENT_BYTES_MAX));
    let mut line = String::new();
    let ended = events.read_line(&mut line);
    tokio::pin!(ended);
    let mut heeding = true;
    loop {
        let now = *ending.borrow_and_update();
        let grace = match now {
            Ending::No => None,
            Ending::Term(grace) => {
                sandbox.terminate();
                Some(grace)
            }
            Ending::Kill => {
                sandbox.kill();
                None
            }
        };
        tokio::select! {
            read = &mut ended => {
                read?;
                break;
            }
            () = sleep_or_never(grace) => {
                sandbox.kill();
                ended.await?;
                break;
            }
            changed = ending.changed(), if heeding => if changed.is_err() {
                sandbox.kill();
                heeding = false;
            }
        }
    }
    Ok(serde_json::from_str(&line).ok())
}

async fn sleep_or_never(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

async fn read_tail(mut stderr: pipe::Receiver, tail: Arc<Mutex<VecDeque<u8>>>) {
    let mut buffer = vec![0; 4096];
    let mut since_rest = 0;
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        tracing::debug!(target: "engine", "{}", plain(&buffer[..read]).trim_end());
        since_rest += read;
        if since_rest >= REST_BYTES {
            // Who floods waits; the agent has others to look after.
            since_rest = 0;
            tokio::time::sleep(REST).await;
        }
        let mut tail = tail.lock();
        tail.extend(&buffer[..read]);
        let excess = tail.len().saturating_sub(TAIL_BYTES_MAX);
        tail.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_commands_a_terminal_is_shown_instead() {
        assert_eq!(
            plain(b"a\x1b[2J\r\0\xff\n\tb\xc2\x9bc"),
            "a\\u{1b}[2J\\r\\u{0}\u{fffd}\n\tb\\u{9b}c"
        );
        assert!(plain(&[0x1b; TAIL_BYTES_MAX]).len() <= TAIL_BYTES_MAX);
    }

    #[tokio::test]
    async fn a_flood_leaves_its_end_and_takes_its_time() {
        let (read, mut write) = std::io::pipe().unwrap();
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        let flood = std::thread::spawn(move || {
            let block = [b'x'; 64 << 10];
            for _ in 0..64 {
                write.write_all(&block).unwrap();
            }
            write.write_all(b"the end").unwrap();
        });
        let begin = tokio::time::Instant::now();
        read_tail(pipe::Receiver::from_owned_fd(read.into()).unwrap(), tail.clone()).await;
        flood.join().unwrap();
        let kept: Vec<u8> = tail.lock().iter().copied().collect();
        assert_eq!(kept.len(), TAIL_BYTES_MAX);
        assert!(kept.ends_with(b"the end"));
        // Sixteen rests: 4 MiB.
        assert!(begin.elapsed() >= REST * 16, "{:?}", begin.elapsed());
    }
}
