//! What a door costs beside loopback TCP, for the same program.

use crate::bed::{Bed, Result, percentiles};
use biplane_sandbox::DOORS;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The first word of this program when it is the one that calls.
pub const CALLER: &str = "__caller";
const DOOR: &str = "relay.sock";
const TRIPS: usize = 20_000;
const TRIP_BYTES: usize = 64;
const STREAM_BYTES: usize = 2 << 30;
const BLOCK_BYTES: usize = 256 << 10;
/// What is said first: what follows comes back, or is swallowed and told of at the end.
const ECHO: u8 = b'e';
const SWALLOW: u8 = b's';

pub fn measure(bed: &Bed) -> Result<()> {
    println!(
        "\n{TRIPS} round trips of {TRIP_BYTES} bytes, then {} MiB one way",
        STREAM_BYTES >> 20
    );
    let own = std::env::current_exe()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let _ = stream.set_nodelay(true);
            let _ = answer(stream);
        }
    });
    let output = Command::new(&own).args([CALLER, &address]).output()?;
    print!("  loopback TCP, no sandbox  {}", String::from_utf8_lossy(&output.stderr));
    let words = [CALLER.to_owned(), format!("/doors/{DOOR}")];
    let mut spec = bed.spec(&own, &words, &bed.mounts(&own.to_string_lossy())?)?;
    spec.limits.cpu_millis = 0;
    let door = UnixListener::bind(Path::new(&spec.dir).join(DOORS).join(DOOR))?;
    std::thread::spawn(move || {
        while let Ok((stream, _)) = door.accept() {
            let _ = answer(stream);
        }
    });
    let (mut read, write) = std::io::pipe()?;
    let sandbox = biplane_sandbox::Isolator::spawn(&bed.native, &spec, write.into())?;
    let mut text = String::new();
    read.read_to_string(&mut text)?;
    sandbox.wait();
    print!("  sandbox to its door       {text}");
    Ok(())
}

fn answer(mut stream: impl Read + Write) -> std::io::Result<()> {
    let mut block = vec![0; BLOCK_BYTES];
    let mut what = [0];
    stream.read_exact(&mut what)?;
    if what[0] == ECHO {
        loop {
            stream.read_exact(&mut block[..TRIP_BYTES])?;
            stream.write_all(&block[..TRIP_BYTES])?;
        }
    }
    let mut left = STREAM_BYTES;
    while left > 0 {
        match stream.read(&mut block)? {
            0 => break,
            count => left = left.saturating_sub(count),
        }
    }
    stream.write_all(&what)
}

/// In the sandbox, or without one: measures, and says so on standard error.
pub fn call(words: &[String]) -> Result<()> {
    let to = words.first().ok_or("where?")?;
    let line = if to.starts_with('/') {
        figures(|| UnixStream::connect(to))?
    } else {
        figures(|| {
            let stream = TcpStream::connect(to)?;
            stream.set_nodelay(true).map(|()| stream)
        })?
    };
    eprintln!("{line}");
    Ok(())
}

fn figures<S: Read + Write>(connect: impl Fn() -> std::io::Result<S>) -> Result<String> {
    let mut stream = connect()?;
    stream.write_all(&[ECHO])?;
    let mut bytes = [7; TRIP_BYTES];
    let mut times = Vec::with_capacity(TRIPS);
    for _ in 0..TRIPS {
        let begin = Instant::now();
        stream.write_all(&bytes)?;
        stream.read_exact(&mut bytes)?;
        times.push(begin.elapsed());
    }
    drop(stream);
    let mut stream = connect()?;
    let (block, begin) = (vec![7; BLOCK_BYTES], Instant::now());
    stream.write_all(&[SWALLOW])?;
    for _ in 0..STREAM_BYTES / BLOCK_BYTES {
        stream.write_all(&block)?;
    }
    stream.read_exact(&mut [0])?;
    let took: Duration = begin.elapsed();
    let speed = (STREAM_BYTES >> 20) as f64 / took.as_secs_f64();
    Ok(format!("{}   {speed:>6.0} MiB/s", percentiles(&mut times)))
}
