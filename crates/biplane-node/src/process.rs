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
    Ended { status, out_of_memory, tail: String::from_utf8_lossy(&bytes).into_owned() }
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
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        tracing::debug!(target: "engine", "{}", String::from_utf8_lossy(&buffer[..read]).trim_end());
        let mut tail = tail.lock();
        tail.extend(&buffer[..read]);
        let excess = tail.len().saturating_sub(TAIL_BYTES_MAX);
        tail.drain(..excess);
    }
}
