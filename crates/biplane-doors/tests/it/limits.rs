//! What one sandbox can take: of the door, of time, of descriptors, of bytes.

use crate::bed::{Bed, PUBLIC, answer, expect, quick, rest, restricted, until};
use biplane_doors::Limits;
use biplane_forwarder::client_hello;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

fn bed(limits: Limits) -> Bed {
    let bed = Bed::new(restricted(&["good.example"]), limits);
    bed.world.name("good.example", &[&[PUBLIC]]);
    bed
}

#[tokio::test]
async fn heads_are_short_and_quick() {
    let bed = bed(quick());
    let long = format!("CONNECT good.example:443 HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    let (_, got) = bed.ask(&long).await;
    assert!(got.starts_with("HTTP/1.1 431"), "{got}");
    let many = format!("GET /x HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(200));
    let (_, got) = bed.ask(&many).await;
    assert!(got.starts_with("HTTP/1.1 431"), "{got}");
    // A byte now and then does not keep it open: the deadline is for the whole head.
    let mut stream = bed.dial().await;
    let start = Instant::now();
    let drip = async {
        loop {
            if stream.write_all(b"C").await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), drip).await.expect("the door closes");
    assert!(start.elapsed() < Duration::from_secs(3));
    // Nor does silence.
    assert!(rest(&mut bed.dial().await).await.len() < 200);
}

#[tokio::test]
async fn half_open_connections_are_the_sandbox_s_own_trouble() {
    let greedy = bed(Limits { connections_max: 8, ..Limits::default() });
    let neighbour = bed(Limits { connections_max: 8, ..Limits::default() });
    neighbour.echo().await;
    let mut held = Vec::new();
    for _ in 0..8 {
        let mut stream = greedy.dial().await;
        stream.write_all(b"CONNECT ").await.unwrap();
        held.push(stream);
    }
    for _ in 0..200 {
        let mut stream = greedy.dial().await;
        let got = rest(&mut stream).await;
        assert!(got.starts_with(b"HTTP/1.1 503 too many connections"), "{got:?}");
    }
    assert_eq!(greedy.last().reason.code(), "connection-limit");
    let start = Instant::now();
    assert!(neighbour.connect("good.example:443").await.1.starts_with("HTTP/1.1 200"));
    assert!(start.elapsed() < Duration::from_secs(1));
    // Room again, as soon as one goes.
    held.pop();
    greedy.echo().await;
    for _ in 0..500 {
        let (_, got) = greedy.connect("good.example:443").await;
        if got.starts_with("HTTP/1.1 200") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the door stays shut");
}

#[tokio::test]
async fn descriptors_sent_to_a_door_are_dropped() {
    let bed = bed(quick());
    bed.echo().await;
    let (mut reader, writer) = std::io::pipe().unwrap();
    let stream = bed.dial().await;
    stream.writable().await.unwrap();
    let bytes = b"CONNECT good.example:443 HTTP/1.1\r\nHost: x\r\n\r\n";
    send_with_descriptor(stream.as_raw_fd(), bytes, writer.as_raw_fd());
    drop(writer);
    let mut stream = stream;
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
    // Nobody holds the other end: the pipe has ended although the connection lives.
    let ended = tokio::task::spawn_blocking(move || reader.read(&mut [0; 8]).unwrap());
    assert_eq!(tokio::time::timeout(Duration::from_secs(5), ended).await.unwrap().unwrap(), 0);
    let hello = client_hello::example(Some("good.example"), false);
    stream.write_all(&hello).await.unwrap();
    expect(&mut stream, &hello).await;
}

#[tokio::test]
async fn bytes_and_silence_end_a_tunnel() {
    let bed = bed(Limits {
        bytes_max: Some(100_000),
        idle_timeout: Duration::from_millis(200),
        ..Limits::default()
    });
    bed.echo().await;
    let hello = client_hello::example(Some("good.example"), false);
    let (mut stream, _) = bed.connect("good.example:443").await;
    stream.write_all(&hello).await.unwrap();
    expect(&mut stream, &hello).await;
    assert_eq!(rest(&mut stream).await, b"");
    let (mut stream, _) = bed.connect("good.example:443").await;
    stream.write_all(&hello).await.unwrap();
    expect(&mut stream, &hello).await;
    let (mut read, mut write) = stream.split();
    let flood = async { while write.write_all(&[1; 10_000]).await.is_ok() {} };
    let drain = async { tokio::io::copy(&mut read, &mut tokio::io::sink()).await };
    let _ = tokio::time::timeout(Duration::from_secs(5), async { tokio::join!(flood, drain) })
        .await
        .expect("the door closes");
    until(|| bed.last().reason.code() == "byte-limit").await;
    let usage = bed.meter.usage();
    assert!(usage.bytes_sent + usage.bytes_received < 700_000, "{usage:?}");
    let (_, got) = bed.connect("good.example:443").await;
    assert!(got.starts_with("HTTP/1.1 403") && got.contains("share of traffic"), "{got}");
}

#[expect(unsafe_code, reason = "only a raw system call sends descriptors")]
fn send_with_descriptor(socket: i32, bytes: &[u8], descriptor: i32) {
    // SAFETY: every pointer in the message points to a local that outlives the call, and the control
    // buffer is aligned and large enough for one descriptor.
    let sent = unsafe {
        let mut control = [0_u64; 8];
        let mut part =
            libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = (&raw mut control).cast();
        message.msg_controllen = libc::CMSG_SPACE(4) as _;
        let head = libc::CMSG_FIRSTHDR(&raw const message);
        (*head).cmsg_level = libc::SOL_SOCKET;
        (*head).cmsg_type = libc::SCM_RIGHTS;
        (*head).cmsg_len = libc::CMSG_LEN(4) as _;
        libc::CMSG_DATA(head).cast::<i32>().write_unaligned(descriptor);
        libc::sendmsg(socket, &raw const message, 0)
    };
    assert_eq!(usize::try_from(sent).unwrap(), bytes.len());
}
